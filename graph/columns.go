package graph

import (
	"math"

	"spate"
)

// Columns are one series brought to pixel columns: the mean and the greatest
// sample of the time each column stands for; NaN is a gap.
type columns struct {
	avg, max []float64
}

// reduce brings the first n values of a series to width columns. Each value
// gets the columns of its time; where several values share one column, its max
// is the greatest of all that touch it and its avg their mean weighted by time,
// so that a peak is drawn however narrow it is.
func reduce(s spate.Series, n, width int) columns {
	c := columns{avg: make([]float64, width), max: make([]float64, width)}
	at := func(i int) (avg, most float64) {
		avg, most = math.NaN(), math.NaN()
		if i < len(s.Avg) {
			avg = believed(s.Avg[i])
		}
		if i < len(s.Max) {
			most = believed(s.Max[i])
		}
		if math.IsNaN(avg) {
			avg = most // a peak without a mean is still a peak
		}
		return avg, greater(avg, most)
	}
	switch {
	case n <= 0 || n > mostValues:
		for x := range width {
			c.avg[x], c.max[x] = math.NaN(), math.NaN()
		}
	case n <= width:
		for i := range n {
			avg, most := at(i)
			for x := edge(i, n, width); x < edge(i+1, n, width); x++ {
				c.avg[x], c.max[x] = avg, most
			}
		}
	default:
		for x := range width {
			c.avg[x], c.max[x] = gather(at, x, n, width, max(len(s.Avg), len(s.Max)))
		}
	}
	return c
}

// mostValues is far above what a store answers with, and low enough for the
// arithmetic of columns.
const mostValues = 1 << 40

// edge is the first column of value i when n values share width columns.
func edge(i, n, width int) int { return (2*i*width + n) / (2 * n) }

// gather is one column of several values. Column x covers the values from
// x n/width to (x+1) n/width, as far as there are any; lengths are counted in
// 1/width of a value.
func gather(at func(int) (avg, most float64), x, n, width, have int) (avg, most float64) {
	from, to := x*n, (x+1)*n
	sum, weight := 0.0, 0.0
	most = math.NaN()
	for i := from / width; i*width < to && i < have; i++ {
		a, m := at(i)
		most = greater(most, m)
		if math.IsNaN(a) {
			continue
		}
		w := float64(min(to, (i+1)*width) - max(from, i*width))
		sum += a * w
		weight += w
	}
	if weight == 0 {
		return math.NaN(), most
	}
	return sum / weight, most
}

// greater is the larger of two values, or the known one.
func greater(a, b float64) float64 {
	if math.IsNaN(a) || b > a {
		return b
	}
	return a
}

// unknown tells whether nothing at all is known of the column x.
func (c columns) unknown(x int) bool { return math.IsNaN(c.max[x]) }

// most is the greatest value of the columns; 0 where none is known.
func (c columns) most() float64 {
	most := 0.0
	for _, v := range c.max {
		if v > most {
			most = v
		}
	}
	return most
}

// A scale turns values into heights.
type scale struct {
	top    float64 // value at the upper edge
	bottom int     // pixel row below the last row of the plot area
	height int     // of the plot area, pixels
}

// none is the height of a gap.
const none = int32(-1)

// sub is how many parts of a pixel heights are told in.
const sub = 8

// row is the upper edge of a value in 1/sub pixels from the top of the picture.
// What is above zero is at least one pixel high; what is above the scale, such
// as a baseline, ends at its edge.
func (s scale) row(v float64) int32 {
	if math.IsNaN(v) {
		return none
	}
	h := math.Round(min(v/s.top, 1) * float64(s.height*sub))
	if v > 0 {
		h = max(h, sub)
	}
	return int32(s.bottom*sub) - int32(h)
}

// rows are the upper edges of many values.
func (s scale) rows(values []float64) []int32 {
	rows := make([]int32, len(values))
	for i, v := range values {
		rows[i] = s.row(v)
	}
	return rows
}
