package storage

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
)

// An exported is one line of /api/v1/export: rows of one series.
//
//	{"metric":{"__name__":"spate_in_bps","device":"sw-1","ifName":"Gi1"},"values":[1,2.5],"timestamps":[10000,20000]}
//
// Values are numbers; null, "Infinity" and other words are no values of ours and
// read as NaN.
type exported struct {
	name, device, port string
	values             []float64
	times              []int64 // ms
}

var errLine = errors.New("a line of its answer is not as /api/v1/export writes it")

// parse reads a line, with the room of the last one.
func (e *exported) parse(line []byte) error {
	e.name, e.device, e.port = "", "", ""
	e.values, e.times = e.values[:0], e.times[:0]
	c := cursor{b: line}
	if !c.line(e) {
		if err := e.parseSlowly(line); err != nil {
			return err
		}
	}
	if len(e.values) != len(e.times) {
		return errLine
	}
	return nil
}

// parseSlowly reads what the quick way does not: escapes in names, keys of other
// versions.
func (e *exported) parseSlowly(line []byte) error {
	var l struct {
		Metric     map[string]string `json:"metric"`
		Values     []loose           `json:"values"`
		Timestamps []int64           `json:"timestamps"`
	}
	if json.Unmarshal(line, &l) != nil {
		return errLine
	}
	e.name, e.device, e.port = l.Metric["__name__"], l.Metric[labelDevice], l.Metric[labelPort]
	e.values, e.times = e.values[:0], append(e.times[:0], l.Timestamps...)
	for _, v := range l.Values {
		e.values = append(e.values, float64(v))
	}
	return nil
}

// A loose is a number, or NaN where it is null or a word.
type loose float64

// UnmarshalJSON never fails on a word.
func (l *loose) UnmarshalJSON(b []byte) error {
	var v float64
	if b[0] == '"' || b[0] == 'n' {
		*l = loose(math.NaN())
		return nil
	}
	err := json.Unmarshal(b, &v)
	*l = loose(v)
	return err
}

// A cursor reads JSON that has no blanks and no escapes, as VictoriaMetrics
// writes it. Its methods are false where there is something else.
type cursor struct {
	b []byte
	i int
}

func (c *cursor) line(e *exported) bool {
	return c.word(`{"metric":{`) && c.labels(e) &&
		c.word(`,"values":[`) && c.list(func() bool { return c.value(e) }) &&
		c.word(`,"timestamps":[`) && c.list(func() bool { return c.time(e) }) &&
		c.word(`}`) && c.i == len(c.b)
}

func (c *cursor) word(w string) bool {
	if len(c.b)-c.i < len(w) || string(c.b[c.i:c.i+len(w)]) != w {
		return false
	}
	c.i += len(w)
	return true
}

// list reads to the closing bracket.
func (c *cursor) list(item func() bool) bool {
	if c.word("]") {
		return true
	}
	for item() {
		if c.word("]") {
			return true
		}
		if !c.word(",") {
			return false
		}
	}
	return false
}

func (c *cursor) labels(e *exported) bool {
	if c.word("}") {
		return true
	}
	for {
		key, ok := c.text()
		if !ok || !c.word(":") {
			return false
		}
		value, ok := c.text()
		if !ok {
			return false
		}
		switch string(key) {
		case "__name__":
			e.name = string(value)
		case labelDevice:
			e.device = string(value)
		case labelPort:
			e.port = string(value)
		}
		if c.word("}") {
			return true
		}
		if !c.word(",") {
			return false
		}
	}
}

// text reads a string of plain ASCII.
func (c *cursor) text() ([]byte, bool) {
	if !c.word(`"`) {
		return nil, false
	}
	start := c.i
	for ; c.i < len(c.b); c.i++ {
		switch ch := c.b[c.i]; {
		case ch == '"':
			c.i++
			return c.b[start : c.i-1], true
		case ch == '\\' || ch < 0x20 || ch >= 0x80:
			return nil, false
		}
	}
	return nil, false
}

func (c *cursor) value(e *exported) bool {
	if c.word("null") || c.word(`"Infinity"`) || c.word(`"-Infinity"`) {
		e.values = append(e.values, math.NaN())
		return true
	}
	v, ok := c.number()
	e.values = append(e.values, v)
	return ok
}

// number reads a JSON number. Up to 15 digits and a power of ten to 22 are exact
// doubles, so their quotient is the nearest one (Clinger 1990).
func (c *cursor) number() (float64, bool) {
	start := c.i
	c.word("-")
	whole, n := c.digits()
	if n == 0 || n > 1 && c.b[c.i-n] == '0' {
		return 0, false
	}
	fraction, k := uint64(0), 0
	if c.word(".") {
		if fraction, k = c.digits(); k == 0 {
			return 0, false
		}
	}
	if c.i < len(c.b) && (c.b[c.i]|0x20) == 'e' || n+k > 15 {
		return c.longNumber(start)
	}
	v := (float64(whole)*powers[k] + float64(fraction)) / powers[k]
	if c.b[start] == '-' {
		v = -v
	}
	return v, true
}

var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// longNumber leaves it to the library.
func (c *cursor) longNumber(start int) (float64, bool) {
	for c.i < len(c.b) && c.b[c.i] != ',' && c.b[c.i] != ']' {
		c.i++
	}
	token := c.b[start:c.i]
	if len(token) > 400 || !json.Valid(token) {
		return 0, false
	}
	v, err := strconv.ParseFloat(string(token), 64)
	return v, err == nil
}

// digits reads up to 19 digits, and more without their value.
func (c *cursor) digits() (v uint64, n int) {
	for c.i < len(c.b) && c.b[c.i]-'0' <= 9 {
		if n < 19 {
			v = v*10 + uint64(c.b[c.i]-'0')
		}
		c.i++
		n++
	}
	return v, n
}

func (c *cursor) time(e *exported) bool {
	minus := c.word("-")
	v, n := c.digits()
	if n == 0 || n > 18 || n > 1 && c.b[c.i-n] == '0' {
		return false
	}
	if minus {
		v = -v
	}
	e.times = append(e.times, int64(v))
	return true
}
