package graph

import (
	"math"
	"strconv"
)

// Spark is the path data of a sparkline w by h units large for an SVG of the
// caller's: in as an area, out as a line, on one scale. Gaps stay gaps; where
// nothing is known a path is empty. Values that are negative or beyond any
// wire count as gaps. Coordinates are whole numbers: choose w and h larger than
// the pixels shown, 288 by 40 for 144 values, and scale by viewBox.
func Spark(in, out []float64, w, h int) (inPath, outPath string) {
	if w < 1 || h < 1 {
		return "", ""
	}
	most := 0.0
	for _, values := range [2][]float64{in, out} {
		for _, v := range values {
			if v > most && v < mostBelieved {
				most = v
			}
		}
	}
	s := sparkline{w: w, h: h, most: most}
	return s.path(in, true), s.path(out, false)
}

type sparkline struct {
	w, h int
	most float64
	buf  []byte
}

// path draws the runs of known values; an area goes down to the ground at both
// ends of a run. A single value between gaps is one unit wide.
func (s *sparkline) path(values []float64, area bool) string {
	s.buf = make([]byte, 0, 8*len(values)+16)
	last := max(len(values)-1, 1)
	at := func(i int) int { return i * s.w / last }
	runs(func(i int) bool { return !math.IsNaN(believed(values[i])) }, len(values), func(from, to int) {
		x := at(from)
		if area {
			s.pen('M', x, s.h)
			s.pen('V', s.y(values[from]))
		} else {
			s.pen('M', x, s.y(values[from]))
		}
		for i := from + 1; i < to; i++ {
			x = at(i)
			s.pen('L', x, s.y(values[i]))
		}
		if to-from == 1 {
			x++
			s.pen('H', x)
		}
		if area {
			s.pen('V', s.h)
			s.buf = append(s.buf, 'z')
		}
	})
	return string(s.buf)
}

func (s *sparkline) y(v float64) int {
	if s.most <= 0 {
		return s.h
	}
	return s.h - int(math.Round(v/s.most*float64(s.h)))
}

func (s *sparkline) pen(command byte, numbers ...int) {
	s.buf = append(s.buf, command)
	for i, n := range numbers {
		if i > 0 {
			s.buf = append(s.buf, ' ')
		}
		s.buf = strconv.AppendInt(s.buf, int64(n), 10)
	}
}
