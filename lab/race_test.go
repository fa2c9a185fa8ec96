//go:build race

package lab_test

// largest is the size in octets of the largest packed recording that tests
// read: the race detector makes reading ten times as slow and learns nothing
// from one more recording.
const largest = 16 << 10
