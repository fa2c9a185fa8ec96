//go:build race

package lab_test

import "spate/lab/fabric"

// largest is the size in octets of the largest packed recording that tests
// read: the race detector makes reading ten times as slow and learns nothing
// from one more recording.
const largest = 16 << 10

// floodTrials is how often each kind of flood is traced, without a word from
// SPATE_TRIALS: the race detector makes a trial thirty times as slow.
const floodTrials = 1

// flooded is the network that is watched for a week and flooded.
func flooded() fabric.Shape { return fabric.Small5(11) }
