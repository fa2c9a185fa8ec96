//go:build !race

package lab_test

import "spate/lab/fabric"

// largest is the size in octets of the largest packed recording that tests read.
const largest = 1 << 30

// floodTrials is how often each kind of flood is traced, without a word from
// SPATE_TRIALS.
const floodTrials = 20

// flooded is the network that is watched for a week and flooded.
func flooded() fabric.Shape { return fabric.Medium50(11) }
