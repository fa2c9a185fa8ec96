package spate

import (
	"math"
	"strconv"
	"time"
)

// A BitRate is a rate of bits per second. Octets become bits in [Between] and
// nowhere else.
type BitRate float64

// A PacketRate is a rate of packets per second.
type PacketRate float64

// Octets is an amount of data as interface counters count it: 8 bits each.
type Octets float64

// String prints three significant digits with SI prefixes, "912 Mb/s".
func (r BitRate) String() string { return FormatSI(float64(r), "b/s") }

// String prints three significant digits with SI prefixes, "1.2 Mp/s".
func (r PacketRate) String() string { return FormatSI(float64(r), "p/s") }

// String prints three significant digits with SI prefixes, "4.1 TB".
func (o Octets) String() string { return FormatSI(float64(o), "B") }

// FormatSI prints v with three significant digits, a whole number as one, and
// the decimal prefix that brings it between 1 and 1000. NaN, the unknown, prints as "-":
// never as 0, which would claim silence.
func FormatSI(v float64, unit string) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-"
	}
	sign := ""
	if v < 0 {
		sign, v = "-", -v
	}
	prefixes := [...]string{"", "k", "M", "G", "T", "P", "E"}
	i := 0
	for v >= 999.5 && i < len(prefixes)-1 {
		v /= 1000
		i++
	}
	return sign + threeDigits(v) + " " + prefixes[i] + unit
}

func threeDigits(v float64) string {
	decimals := 2
	switch {
	case v >= 99.95:
		decimals = 0
	case v >= 9.995:
		decimals = 1
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if v == math.Trunc(v) {
		s = strconv.FormatFloat(v, 'f', 0, 64)
	}
	return s
}

// FormatAge prints a length of time as people say it on a wall: "4 s",
// "43 min", "6 h", "3 d". It rounds down, so "1 min" has really passed.
func FormatAge(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < 2*time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + " h"
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + " d"
}
