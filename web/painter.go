package web

import (
	"time"

	"spate"
)

// A Picture is one graph to draw.
type Picture struct {
	Title, Subtitle string
	Kind            string // bits, packets, errors
	Frame           *spate.Frame
	Width, Height   int // pixels
	Theme           string
	Zone            *time.Location
	Speed           spate.BitRate // 0: unknown
}
