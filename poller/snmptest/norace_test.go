//go:build !race

package snmptest_test

// largest is the size in octets of the largest packed recording that tests read.
const largest = 1 << 30
