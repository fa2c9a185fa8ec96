package poller

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"spate"
	"spate/mibs"
)

// Round does one pass over a device, for tests that look at a single one.
func Round(ctx context.Context, raw net.Conn, t Target, cfg Config, counts *Counts) (*spate.Round, *Table, error) {
	lib := &library{}
	c, err := lib.dial(raw, t.Credentials, cfg, counts.reject)
	if err != nil {
		return nil, nil, err
	}
	d := newDevice(t, cfg, counts)
	d.session, d.packets = c, c.guard.packets.Load
	return d.pass(ctx), d.table, nil
}

// Around does one pass over a device and reads the tables around it.
func Around(ctx context.Context, raw net.Conn, t Target, cfg Config, counts *Counts) (*spate.Tables, error) {
	c, err := (&library{}).dial(raw, t.Credentials, cfg, counts.reject)
	if err != nil {
		return nil, err
	}
	p := New(cfg, nil, nil, counts, slog.New(slog.DiscardHandler))
	d := newDevice(t, cfg, counts)
	d.session, d.packets, d.turn = c, c.guard.packets.Load, newTurn()
	if r := d.pass(ctx); r.Err != nil {
		return nil, r.Err
	}
	return p.survey(ctx, d)
}

// Client opens a session for tests.
func Client(raw net.Conn, cred Credentials, cfg Config, counts *Counts) (Session, error) {
	return (&library{}).dial(raw, cred, cfg, counts.reject)
}

// Resolve finds an agent's address.
func Resolve(ctx context.Context, r Resolver, address string) (netip.AddrPort, error) {
	return resolve(ctx, r, address)
}

// NextSlot and Phase are the schedule's arithmetic.
func NextSlot(due, now time.Time, interval time.Duration) time.Time {
	return nextSlot(due, now, interval)
}

// Phase is a device's slot in an interval.
func Phase(name string, interval time.Duration) time.Duration { return phase(name, interval) }

// Header is what the guard looks at in a datagram.
type Header struct {
	Version   int
	Community string
	PDU       byte
	RequestID int64
}

// ReadHeader reads the outer part of a message.
func ReadHeader(b []byte) (Header, error) {
	h, err := readHeader(b)
	return Header{h.version, h.community, h.pdu, h.requestID}, err
}

// DecodeOID reads an object identifier's content octets.
func DecodeOID(b []byte) mibs.OID { return decodeOID(b) }

// A Glance is what one look of a study saw.
type Glance = glance

// NewGlance is a look that nothing came between.
func NewGlance(from, to time.Duration, moved bool) Glance {
	return glance{from: from, to: to, moved: moved}
}

// Fitted is the timer that goes best with looks.
func Fitted(looks []Glance) (period, phase, blur time.Duration) {
	r, _ := fitted(looks, refuted{})
	return r.Period, r.phase, r.blur
}
