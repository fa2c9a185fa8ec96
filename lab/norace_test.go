//go:build !race

package lab_test

// largest is the size in octets of the largest packed recording that tests read.
const largest = 1 << 30
