package graph

import (
	"fmt"
	"image/color"
)

// An ink is a role a colour plays; the theme says which colour it is.
type ink uint8

const (
	inkGround ink = iota // the background
	inkText
	inkMuted
	inkGrid
	inkAxis
	inkHatch
	inkIn
	inkOut
	inkBad
	inkBand
	inkBroadcast // and in discards
	inkMulticast // and out discards
	inkLayer     // the lowest of a stack
	numInks      = inkLayer + MostLayers
)

// colours returns the colours of a theme. Text and lines have a contrast of at
// least 4.5:1 against the ground (WCAG 2.2, 1.4.3), grid and hatch are meant to
// be faint. In and out stay apart under protanopia, deuteranopia and
// tritanopia.
func (t Theme) colours() [numInks]color.RGBA {
	if t == Dark {
		return layered([numInks]color.RGBA{
			inkGround: rgb(0x0e1116), inkText: rgb(0xe6e9ee), inkMuted: rgb(0x9aa4b2),
			inkGrid: rgb(0x242b35), inkAxis: rgb(0x5a6573), inkHatch: rgb(0x39424f),
			inkIn: rgb(0x56b4e9), inkOut: rgb(0xf0a020), inkBad: rgb(0xff6b4a), inkBand: rgb(0x8a94a3),
			inkBroadcast: rgb(0x35c9a0), inkMulticast: rgb(0xe08cc0),
		}, 0x56b4e9, 0xf0a020, 0x35c9a0, 0xf5e663, 0x5f8dd3, 0xff8a5c, 0xe08cc0, 0xb4d455, 0x8a94a3)
	}
	return layered([numInks]color.RGBA{
		inkGround: rgb(0xffffff), inkText: rgb(0x1b2430), inkMuted: rgb(0x5a6675),
		inkGrid: rgb(0xe3e7ec), inkAxis: rgb(0x8b95a1), inkHatch: rgb(0xcfd5dc),
		inkIn: rgb(0x0072b2), inkOut: rgb(0xb45f00), inkBad: rgb(0xb3261e), inkBand: rgb(0x5a6675),
		inkBroadcast: rgb(0x00775a), inkMulticast: rgb(0xa3387a),
	}, 0x0072b2, 0xd98a1f, 0x009e73, 0xd8c400, 0x3f5fb0, 0xc8501e, 0xa3387a, 0x6b8e23, 0x8b95a1)
}

// layered adds the colours of a stack: neighbours differ in brightness too, and the
// last one, for all others, is grey.
func layered(c [numInks]color.RGBA, layers ...uint32) [numInks]color.RGBA {
	for i, v := range layers {
		c[int(inkLayer)+i] = rgb(v)
	}
	return c
}

func rgb(v uint32) color.RGBA {
	return color.RGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff}
}

func hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }
