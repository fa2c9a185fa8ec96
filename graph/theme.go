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
	numInks
)

// colours returns the colours of a theme. Text and lines have a contrast of at
// least 4.5:1 against the ground (WCAG 2.2, 1.4.3), grid and hatch are meant to
// be faint. In and out stay apart under protanopia, deuteranopia and
// tritanopia.
func (t Theme) colours() [numInks]color.RGBA {
	if t == Dark {
		return [numInks]color.RGBA{
			inkGround: rgb(0x0e1116), inkText: rgb(0xe6e9ee), inkMuted: rgb(0x9aa4b2),
			inkGrid: rgb(0x242b35), inkAxis: rgb(0x5a6573), inkHatch: rgb(0x39424f),
			inkIn: rgb(0x56b4e9), inkOut: rgb(0xf0a020), inkBad: rgb(0xff6b4a), inkBand: rgb(0x8a94a3),
			inkBroadcast: rgb(0x35c9a0), inkMulticast: rgb(0xe08cc0),
		}
	}
	return [numInks]color.RGBA{
		inkGround: rgb(0xffffff), inkText: rgb(0x1b2430), inkMuted: rgb(0x5a6675),
		inkGrid: rgb(0xe3e7ec), inkAxis: rgb(0x8b95a1), inkHatch: rgb(0xcfd5dc),
		inkIn: rgb(0x0072b2), inkOut: rgb(0xb45f00), inkBad: rgb(0xb3261e), inkBand: rgb(0x5a6675),
		inkBroadcast: rgb(0x00775a), inkMulticast: rgb(0xa3387a),
	}
}

func rgb(v uint32) color.RGBA {
	return color.RGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff}
}

func hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }
