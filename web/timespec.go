package web

import (
	"math"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// maxRange is the longest range that is answered.
const maxRange = 10 * 366 * day

// wantTime is how errors describe a point in time.
const wantTime = "RFC 3339, unix seconds, now, -24h or now-6h (units ms s m h d w y)"

// ParseTime reads a point in time as from= and to= take it: RFC 3339, unix
// seconds, "now", "-24h", "now-6h", "now+1h". Nothing outside the years 1970 to
// 9999 is a time.
func ParseTime(s string, now time.Time) (time.Time, bool) {
	t, ok := parseAnyTime(s, now)
	if !ok || t.Unix() < 0 || t.Year() > 9999 {
		return time.Time{}, false
	}
	return t, true
}

func parseAnyTime(s string, now time.Time) (time.Time, bool) {
	rest, relative := strings.CutPrefix(s, "now")
	if relative && rest == "" {
		return now, true
	}
	if sign := strings.IndexAny(rest, "+- "); sign == 0 && (relative || rest[0] == '-') {
		d, ok := parseDuration(rest[1:])
		if rest[0] == '-' {
			d = -d
		}
		return now.Add(d), ok // a blank is what a plus in a query string turns into
	}
	if relative {
		return time.Time{}, false
	}
	if sec, err := strconv.ParseFloat(s, 64); err == nil {
		if !(sec >= 0 && sec < 1<<38) {
			return time.Time{}, false
		}
		whole, part := math.Modf(sec)
		return time.Unix(int64(whole), int64(part*1e9)), true
	}
	t, err := time.Parse(time.RFC3339, strings.Replace(s, " ", "+", 1))
	return t, err == nil
}

// parseDuration reads lengths such as "90s", "1h30m", "2w", "1y" (365 days):
// whole numbers with units, up to a hundred years.
func parseDuration(s string) (time.Duration, bool) {
	var sum time.Duration
	for s != "" {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		count, err := strconv.ParseInt(s[:n], 10, 40)
		unit, size := durationUnit(s[n:])
		if err != nil || unit == 0 || count > int64(100*365*day/unit) {
			return 0, false
		}
		sum += time.Duration(count) * unit
		if sum > 100*365*day {
			return 0, false
		}
		s = s[n+size:]
	}
	return sum, sum > 0
}

func durationUnit(s string) (time.Duration, int) {
	if strings.HasPrefix(s, "ms") {
		return time.Millisecond, 2
	}
	if s == "" {
		return 0, 0
	}
	switch s[0] {
	case 's':
		return time.Second, 1
	case 'm':
		return time.Minute, 1
	case 'h':
		return time.Hour, 1
	case 'd':
		return day, 1
	case 'w':
		return 7 * day, 1
	case 'y':
		return 365 * day, 1
	}
	return 0, 0
}
