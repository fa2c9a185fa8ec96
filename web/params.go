package web

import (
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"time"

	"spate"
)

// intParam reads a whole number between 1 and most; absent is fallback.
func intParam(q url.Values, name string, fallback, least, most int) (int, error) {
	s := q.Get(name)
	if s == "" {
		return fallback, nil
	}
	want := "a whole number from " + strconv.Itoa(least) + " to " + strconv.Itoa(most)
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, badParam(name, s, want)
	}
	switch {
	case n < int64(least):
		return 0, badParam(name, s, want)
	case n > int64(most):
		return 0, overLimit(name, s, want)
	}
	return int(n), nil
}

// wordParam reads one of the words; absent is the first.
func wordParam(q url.Values, name string, words ...string) (string, error) {
	s := q.Get(name)
	if s == "" {
		return words[0], nil
	}
	for _, w := range words {
		if s == w {
			return s, nil
		}
	}
	return "", badParam(name, s, "one of "+strings.Join(words, ", "))
}

// rangeParams reads from= and to=.
func rangeParams(q url.Values, now time.Time) (from, to time.Time, err error) {
	if from, err = timeParam(q, "from", "-24h", now); err != nil {
		return
	}
	if to, err = timeParam(q, "to", "now", now); err != nil {
		return
	}
	switch {
	case !from.Before(to):
		err = newProblem(400, "from", "from: %s is not before to, wanted an earlier time", from.UTC().Format(time.RFC3339))
	case to.Sub(from) > maxRange:
		err = newProblem(400, "from", "from: the range is longer than 10 years, wanted a later time")
	}
	return
}

func timeParam(q url.Values, name, fallback string, now time.Time) (time.Time, error) {
	s := q.Get(name)
	if s == "" {
		s = fallback
	}
	t, ok := ParseTime(s, now)
	if !ok {
		return t, badParam(name, s, wantTime)
	}
	return t, nil
}

// metricsParam reads metrics=in_bps,out_bps.
func metricsParam(q url.Values) ([]spate.Metric, error) {
	s := q.Get("metrics")
	if s == "" {
		return []spate.Metric{spate.InBps, spate.OutBps}, nil
	}
	var list []spate.Metric
	for name := range strings.SplitSeq(s, ",") {
		m, ok := spate.ParseMetric(strings.TrimSpace(name))
		if !ok {
			return nil, badParam("metrics", name, "names of rates such as in_bps, out_bps, in_pps, in_errors_ps, separated by commas")
		}
		for _, have := range list {
			if have == m {
				return nil, badParam("metrics", s, "each metric once")
			}
		}
		list = append(list, m)
	}
	return list, nil
}

// Pages of a list.
const (
	defaultLimit = 500
	mostLimit    = 5000
)

// A cursor is where the next page of a list starts: after this device and
// row. It travels as opaque text.
type cursor struct {
	device string
	index  int
	name   string // ifName, for rows that share an ifIndex
}

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(c.device + "\x00" + strconv.Itoa(c.index) + "\x00" + c.name))
}

func cursorParam(q url.Values) (cursor, error) {
	s := q.Get("cursor")
	if s == "" {
		return cursor{index: -1}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	parts := strings.SplitN(string(raw), "\x00", 3)
	if err != nil || len(parts) != 3 {
		return cursor{}, badParam("cursor", s, "the next of the page before")
	}
	index, err := strconv.Atoi(parts[1])
	if err != nil {
		return cursor{}, badParam("cursor", s, "the next of the page before")
	}
	return cursor{device: parts[0], index: index, name: parts[2]}, nil
}

// passed tells whether a row comes at or before the cursor.
func (c cursor) passed(device string, index int, name string) bool {
	if device != c.device {
		return device < c.device
	}
	if index != c.index {
		return index < c.index
	}
	return name <= c.name
}
