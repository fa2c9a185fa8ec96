package host_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"spate"
	"spate/host"
)

// nowhere takes rounds.
type nowhere struct{}

func (nowhere) Accept(context.Context, *spate.Round) {}

func (nowhere) Backlog(context.Context, *spate.Round) error { return nil }

// A push of a machine with fifty users, from its text to its round.
func BenchmarkTake(b *testing.B) {
	clock := time.Unix(1_900_000_000, 0)
	f := host.NewFleet(10*time.Second, nowhere{}, func(name string) (spate.Device, error) { return spate.Device{Name: name}, nil }, slog.New(slog.DiscardHandler))
	host.SetNow(f, func() time.Time { return clock })
	p := newPushing("web-17")
	rates := map[uint32]float64{}
	for uid := range uint32(50) {
		rates[10000+uid] = 1e5 * float64(uid+1)
	}
	s := p.sends(10, rates)
	octets := 0
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		clock = clock.Add(10 * time.Second)
		s.Up += 10_000
		s.At += 10_000
		p.up += 10 * time.Second
		for i := range s.Users {
			s.Users[i].Octets += 1e6
			s.Users[i].Packets += 1e3
		}
		text := p.body(b, s).Bytes()
		octets = len(text)
		b.StartTimer()
		if a, err := f.Take(b.Context(), "web-17", bytes.NewReader(text)); err != nil || a.Taken != 1 {
			b.Fatal(a, err)
		}
	}
	b.ReportMetric(float64(octets), "octets/push")
}

// One reading of fifty users, by our own reading of lines and by encoding/json.
func BenchmarkLine(b *testing.B) {
	rates := map[uint32]float64{}
	for uid := range uint32(50) {
		rates[10000+uid] = 1e5 * float64(uid+1)
	}
	text := []byte(plainLine(b, newPushing("web-17").sends(10, rates)))
	for _, way := range []struct {
		name string
		read func() error
	}{
		{"own", func() error {
			if _, ok := host.PlainSnapshot(text); !ok {
				return fmt.Errorf("not plain")
			}
			return nil
		}},
		{"json", func() error { return json.Unmarshal(text, new(host.Snapshot)) }},
	} {
		b.Run("by="+way.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if err := way.read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
