package graph_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"

	"spate/graph"
)

// image/png is the judge: what was painted must come back pixel for pixel.
func FuzzEncode(f *testing.F) {
	f.Add(uint16(1), []byte{1})
	f.Add(uint16(9), []byte("a picture of nine columns, whose last row is cut"))
	f.Add(uint16(16), bytes.Repeat([]byte{0, 255, 1, 128, 127}, 100))
	f.Fuzz(func(t *testing.T, width uint16, pixels []byte) {
		w := max(int(width)%300, 1)
		h := len(pixels) / w
		if h == 0 {
			t.Skip()
		}
		img := image.NewPaletted(image.Rect(0, 0, w, h), nil)
		copy(img.Pix, pixels)
		for i := range 256 {
			img.Palette = append(img.Palette, color.RGBA{R: uint8(i), G: uint8(255 - i), B: uint8(i * 7), A: 255})
		}
		var b bytes.Buffer
		if err := graph.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		got, err := png.Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		back, ok := got.(*image.Paletted)
		if !ok || back.Bounds() != img.Bounds() || !bytes.Equal(back.Pix, img.Pix) {
			t.Errorf("%dx%d: came back as other pixels", w, h)
		}
	})
}
