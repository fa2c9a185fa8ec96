package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"spate"
)

// Lengths of the long units of time in config.toml and the API. A year is 365
// days: retention is arithmetic, not a calendar.
const (
	Day  = 24 * time.Hour
	Week = 7 * Day
	Year = 365 * Day
)

// A Size is an amount of disk or memory in bytes.
type Size int64

// String is the size with two digits behind the point at most, "1.5 GiB".
func (s Size) String() string {
	units := [...]string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	v, i := float64(s), 0
	for v >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) + " " + units[i]
}

var errNoUnit = errors.New("number without a known unit")

// ParseDuration reads "10s", "1h30m" or "2y": a number and one of ms s m h d w
// y, repeated from long to short as one likes. The result is never negative.
func ParseDuration(text string) (time.Duration, error) {
	if text == "" {
		return 0, errNoUnit
	}
	var sum float64
	for rest := text; rest != ""; {
		v, unit, tail, ok := cutNumber(rest)
		length := timeUnit(unit)
		if !ok || length == 0 {
			return 0, errNoUnit
		}
		sum += v * float64(length)
		rest = tail
	}
	if sum >= math.MaxInt64 {
		return 0, errors.New("longer than 292 years")
	}
	return time.Duration(math.Round(sum)), nil
}

func timeUnit(name string) time.Duration {
	switch name {
	case "ms":
		return time.Millisecond
	case "s":
		return time.Second
	case "m":
		return time.Minute
	case "h":
		return time.Hour
	case "d":
		return Day
	case "w":
		return Week
	case "y":
		return Year
	}
	return 0
}

// FormatDuration writes d so that ParseDuration gives it back, to the
// millisecond: "10s", "1h30m", "35d".
func FormatDuration(d time.Duration) string {
	if d < time.Millisecond {
		return "0s"
	}
	var b strings.Builder
	for _, unit := range [...]string{"y", "d", "h", "m", "s", "ms"} {
		if n := d / timeUnit(unit); n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + unit)
			d -= n * timeUnit(unit)
		}
	}
	return b.String()
}

// ParseSize reads "100GB" or "1.5 GiB": KB, MB, GB, TB, PB count in thousands,
// KiB, MiB, GiB, TiB, PiB in 1024s, B is one byte.
func ParseSize(text string) (Size, error) {
	v, unit, tail, ok := cutNumber(text)
	if !ok || tail != "" {
		return 0, errNoUnit
	}
	factor, known := sizeUnit(unit)
	if !known {
		return 0, errNoUnit
	}
	if v*factor >= math.MaxInt64 {
		return 0, errors.New("larger than 8 EiB")
	}
	return Size(v * factor), nil
}

func sizeUnit(name string) (float64, bool) {
	if name == "B" {
		return 1, true
	}
	base := 1000.0
	prefix, binary := strings.CutSuffix(name, "iB")
	if binary {
		base = 1024
	} else {
		var ok bool
		if prefix, ok = strings.CutSuffix(name, "B"); !ok {
			return 0, false
		}
	}
	if prefix == "k" && !binary { // SI writes a small k
		prefix = "K"
	}
	i := strings.Index("KMGTP", prefix)
	if len(prefix) != 1 || i < 0 {
		return 0, false
	}
	return math.Pow(base, float64(i+1)), true
}

// ParseSpeed reads bits per second in SI: "100M", "2.5G", "64k", "9600".
func ParseSpeed(text string) (spate.BitRate, error) {
	v, err := parseSI(text)
	return spate.BitRate(v), err
}

// parseSI reads a number with an SI prefix and without a unit.
func parseSI(text string) (float64, error) {
	v, prefix, tail, ok := cutNumber(text)
	if !ok || tail != "" {
		return 0, errors.New("no number")
	}
	switch prefix {
	case "":
		return v, nil
	case "k", "K":
		return v * 1e3, nil
	case "M":
		return v * 1e6, nil
	case "G":
		return v * 1e9, nil
	case "T":
		return v * 1e12, nil
	}
	return 0, errNoUnit
}

// cutNumber splits "1.5 GiB30" into 1.5, "GiB" and "30". It takes digits and
// one point only: no sign, no exponent, no infinity.
func cutNumber(text string) (v float64, unit, tail string, ok bool) {
	i := 0
	for i < len(text) && (text[i] >= '0' && text[i] <= '9' || text[i] == '.') {
		i++
	}
	if i == 0 || text[0] == '.' || text[i-1] == '.' {
		return 0, "", "", false
	}
	v, err := strconv.ParseFloat(text[:i], 64)
	if err != nil || math.IsInf(v, 0) {
		return 0, "", "", false
	}
	unit = text[i:]
	if len(unit) > 1 && unit[0] == ' ' {
		unit = unit[1:]
	}
	end := 0
	for end < len(unit) && (unit[end]|0x20 >= 'a' && unit[end]|0x20 <= 'z') {
		end++
	}
	return v, unit[:end], unit[end:], true
}
