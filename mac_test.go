package spate_test

import (
	"testing"

	"spate"
)

func TestParseMACReadsEveryNotation(t *testing.T) {
	want := spate.MAC{0x00, 0x1b, 0x21, 0x3c, 0x9d, 0xf8}
	for _, s := range []string{"00:1b:21:3c:9d:f8", "00-1B-21-3C-9D-F8", "001b.213c.9df8", "001b-213c-9df8", "001B213C9DF8", "0:1b:21:3c:9d:f8", "001b21-3c9df8"} {
		if got, err := spate.ParseMAC(s); err != nil || got != want {
			t.Errorf("ParseMAC(%q) = %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", ":", "web-17", "10.2.0.17", "00:1b:21:3c:9d", "00:1b:21:3c:9d:f8:00", "1b.213c.9df8", "00:1b:21:3c:9d:fg", "+0:1b:21:3c:9d:f8", "0x1b213c9df8"} {
		if got, err := spate.ParseMAC(s); err == nil {
			t.Errorf("ParseMAC(%q) = %v, want an error", s, got)
		}
	}
}

func FuzzParseMAC(f *testing.F) {
	f.Add("00:1b:21:3c:9d:f8")
	f.Add("001b.213c.9df8")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := spate.ParseMAC(s)
		if err != nil {
			return
		}
		again, err := spate.ParseMAC(m.String())
		if err != nil || again != m {
			t.Errorf("ParseMAC(%q) = %v, which reads back as %v, %v", s, m, again, err)
		}
	})
}
