// Package graph draws what a port did as a picture: throughput, packets or
// errors of one [spate.Frame], as PNG or SVG, on light or dark ground.
//
// Both formats come from one list of shapes: a picture is laid out once, in
// whole pixels, and then painted or written. gonum/plot places the axes;
// everything else is drawn by this package, because stroking raw points is slow
// and blurs peaks. One pixel column is the unit: it shows the mean of its time
// as the dark part and the greatest sample as the pale part above, so that no
// peak is ever averaged away, and a gap stays a gap.
package graph

import (
	"errors"
	"fmt"
	"time"

	"spate"
)

// A Kind says what is drawn.
type Kind string

// The kinds of picture, as in the API's kind= parameter.
const (
	Bits    Kind = "bits"
	Packets Kind = "packets"
	Errors  Kind = "errors"
	Stack   Kind = "stack" // several ports on top of each other, as Layers
)

// A Theme is the ground to draw on.
type Theme string

// The themes, as in the API's theme= parameter. The empty Theme is Light.
const (
	Light Theme = "light"
	Dark  Theme = "dark"
)

// Bounds of a picture in pixels. They keep one request from costing more than
// a fraction of a second and 9 MB.
const (
	MinWidth, MaxWidth   = 200, 4096
	MinHeight, MaxHeight = 100, 2160
)

// A Picture is everything that is needed to draw one.
type Picture struct {
	Title    string       // "sw-acc-1 Gi1/0/2 -> web-host-17"; may be hostile
	Subtitle string       // alias and the like; may be hostile
	Kind     Kind         // empty: Bits
	Frame    *spate.Frame // the series of Metrics(Kind), in any order; nil or empty: no data
	Width    int          // pixels
	Height   int          // pixels
	Theme    Theme
	Zone     *time.Location // of the time axis; nil: UTC
	Speed    spate.BitRate  // of the port, 0 unknown; a faint line where the scale reaches it
	Baseline *Band          // the usual range, drawn in grey; nil: none
	Shades   []Shade        // stretches of time to point at
	Marks    []Mark         // moments to point at
	Previous *spate.Frame   // the same span before this one, drawn as thin lines; nil: none
	Layers   []Layer        // of a Stack, the lowest first
}

// A Mark is a moment: a restart, a change of speed.
type Mark struct {
	At    time.Time
	Label string // a word or two; may be hostile
}

// A Layer is one port of a Stack, on the grid of the picture's frame.
type Layer struct {
	Label  string // may be hostile
	Series spate.Series
}

// MostLayers is how many layers a Stack has colours for.
const MostLayers = 9

// A Band is a range of values on the grid of the picture's frame: value i of
// Low and High covers the time of value i of each series; NaN is unknown.
type Band struct {
	Low, High []float64
}

// A Shade marks a stretch of time, an incident for example. A zero To means
// that it has not ended.
type Shade struct {
	From, To time.Time
	Label    string // may be hostile
}

// Metrics lists what a picture of this kind shows: the metrics to ask the
// store for. It is nil for an unknown kind.
func Metrics(k Kind) []spate.Metric {
	var metrics []spate.Metric
	for _, line := range linesOf(k) {
		metrics = append(metrics, line.metric)
	}
	return metrics
}

// ErrSize is the error of a picture that is too small or too large.
var ErrSize = fmt.Errorf("a picture is %d to %d pixels wide and %d to %d high", MinWidth, MaxWidth, MinHeight, MaxHeight)

// CheckSize tells whether a picture may have this size, in pixels.
func CheckSize(width, height int) error {
	if width < MinWidth || width > MaxWidth || height < MinHeight || height > MaxHeight {
		return fmt.Errorf("draw %dx%d: %w", width, height, ErrSize)
	}
	return nil
}

// checked is the picture with its defaults set, or why it cannot be drawn.
func (p Picture) checked() (Picture, error) {
	if err := CheckSize(p.Width, p.Height); err != nil {
		return p, err
	}
	if p.Kind == "" {
		p.Kind = Bits
	}
	switch {
	case p.Kind == Stack && (len(p.Layers) == 0 || len(p.Layers) > MostLayers):
		return p, fmt.Errorf("draw a stack of %d layers: wanted 1 to %d", len(p.Layers), MostLayers)
	case p.Kind != Stack && linesOf(p.Kind) == nil:
		return p, fmt.Errorf("draw kind %.20q: wanted bits, packets, errors or stack", p.Kind)
	}
	switch p.Theme {
	case "":
		p.Theme = Light
	case Light, Dark:
	default:
		return p, fmt.Errorf("draw theme %.20q: wanted light or dark", p.Theme)
	}
	if p.Zone == nil {
		p.Zone = time.UTC
	}
	if p.Frame == nil {
		p.Frame = &spate.Frame{}
	}
	if p.Frame.To.Before(p.Frame.From) {
		return p, errors.New("draw: the range ends before it begins; swap from and to")
	}
	return p, nil
}
