package web

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"spate"
	"spate/host"
)

// A Board holds the newest reading of every port and the newest state of every
// device. A device's part is replaced as a whole, so that reading never waits
// for writing: half a million ports are walked without a lock.
type Board struct {
	mu      sync.Mutex // one change of the device list at a time
	list    atomic.Pointer[deviceList]
	groups  atomic.Pointer[[]Group]
	changes chan change
	dropped atomic.Uint64
}

// deviceList is never changed: a new one takes its place.
type deviceList struct {
	byName map[string]*deviceSlot
	sorted []*deviceSlot // by name
}

type deviceSlot struct {
	mu   sync.Mutex // one round at a time
	view atomic.Pointer[deviceView]
}

// A change is one device before and after a round.
type change struct{ before, after *deviceView }

// maxChanges is how many rounds may wait for the event stream. 10,000 devices
// at 30 s bring 333 a second; the stream takes them within milliseconds.
const maxChanges = 8192

// NewBoard makes a board that knows the devices by name and nothing else.
func NewBoard(devices []spate.Device) *Board {
	b := &Board{changes: make(chan change, maxChanges)}
	b.list.Store(&deviceList{})
	b.Configure(devices)
	return b
}

// Configure sets which devices there are. Those that stay keep what is known of
// them, new ones are unknown until they answer, the others vanish: a round of a
// device that is not configured is ignored.
func (b *Board) Configure(devices []spate.Device) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.list.Load()
	next := &deviceList{byName: make(map[string]*deviceSlot, len(devices))}
	for _, d := range devices {
		if next.byName[d.Name] != nil {
			continue
		}
		slot := old.byName[d.Name]
		if slot == nil {
			slot = &deviceSlot{}
			slot.view.Store(&deviceView{device: d, state: deviceUnknown})
		} else {
			slot.rename(d)
		}
		next.byName[d.Name] = slot
		next.sorted = append(next.sorted, slot)
	}
	slices.SortFunc(next.sorted, func(a, b *deviceSlot) int {
		return strings.Compare(a.view.Load().device.Name, b.view.Load().device.Name)
	})
	b.list.Store(next)
}

func (s *deviceSlot) rename(d spate.Device) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := *s.view.Load()
	v.device = d
	s.view.Store(&v)
}

// Seed lists the ports a device had in the last run, so that a device that does
// not answer still shows them. It does nothing once the device has answered.
func (b *Board) Seed(device string, ports []*spate.Port) {
	slot := b.list.Load().byName[device]
	if slot == nil {
		return
	}
	slot.mu.Lock()
	defer slot.mu.Unlock()
	v := *slot.view.Load()
	if !v.answered.IsZero() {
		return
	}
	readings := make([]spate.Reading, len(ports))
	for i, p := range ports {
		readings[i].Port = p
	}
	v.setReadings(readings)
	slot.view.Store(&v)
}

// Has tells whether a device is configured.
func (b *Board) Has(device string) bool { return b.list.Load().byName[device] != nil }

// Accept takes one round. It copies what it keeps, never blocks, and may be
// called from many goroutines; rounds of one device come in order.
func (b *Board) Accept(_ context.Context, r *spate.Round) {
	slot := b.list.Load().byName[r.Device.Name]
	if slot == nil {
		return
	}
	slot.mu.Lock()
	before := slot.view.Load()
	after := before.next(r)
	slot.view.Store(after)
	slot.mu.Unlock()
	select {
	case b.changes <- change{before, after}:
	default:
		b.dropped.Add(1)
	}
}

// Dropped is how many rounds the event stream has missed because it was full.
func (b *Board) Dropped() uint64 { return b.dropped.Load() }

// device is the newest view of one device.
func (b *Board) device(name string) (*deviceView, bool) {
	slot := b.list.Load().byName[name]
	if slot == nil {
		return nil, false
	}
	return slot.view.Load(), true
}

// devices are all views in the order of names; the walk ends when yield says so.
func (b *Board) devices(yield func(*deviceView) bool) {
	for _, slot := range b.list.Load().sorted {
		if !yield(slot.view.Load()) {
			return
		}
	}
}

// devicesFrom starts the walk at the first name that is not before name.
func (b *Board) devicesFrom(name string) func(yield func(*deviceView) bool) {
	sorted := b.list.Load().sorted
	at, _ := slices.BinarySearchFunc(sorted, name, func(s *deviceSlot, name string) int {
		return strings.Compare(s.view.Load().device.Name, name)
	})
	return func(yield func(*deviceView) bool) {
		for _, slot := range sorted[at:] {
			if !yield(slot.view.Load()) {
				return
			}
		}
	}
}

// port finds one port of one device.
func (b *Board) port(id spate.PortID) (*deviceView, *spate.Reading, bool) {
	v, ok := b.device(id.Device)
	if !ok {
		return nil, nil, false
	}
	r := v.find(id.Name)
	return v, r, r != nil
}

// A deviceState is the word of the API.
type deviceState string

const (
	deviceUnknown deviceState = "unknown" // no answer yet
	deviceDown    deviceState = "down"    // downAfter rounds without an answer
	deviceUp      deviceState = "up"
)

const (
	downAfter  = 3 // rounds without an answer until a device is down
	staleAfter = 3 // intervals without a rate until the old one is no longer shown
)

// A deviceView is one device at one moment. It is never changed once it is on
// the board.
type deviceView struct {
	device   spate.Device
	state    deviceState
	missed   int       // rounds without an answer since the last one
	answered time.Time // end of the last round that brought something
	tried    time.Time // end of the last round
	took     time.Duration
	late     time.Duration
	interval time.Duration // 0 before the first round
	refresh  time.Duration
	system   spate.System
	err      string // the sentence for the operator
	readings []spate.Reading
	known    bool // readings come from the device or from the last run's inventory
	wires    int  // ports but for users of a machine, who stand among them
	up       int  // of the wires those whose ifOperStatus is up
}

// next is the view after a round.
func (v *deviceView) next(r *spate.Round) *deviceView {
	n := *v
	n.tried, n.late, n.interval = r.At, r.Late, r.Interval
	n.err = ""
	if r.Err != nil {
		n.err = sentence(r.Err.Error())
	}
	if r.Err != nil {
		n.missed++
		if n.missed >= downAfter {
			n.state = deviceDown
		}
		if len(r.Readings) > 0 { // its ports, all silent
			n.setReadings(slices.Clone(r.Readings))
		}
		return &n
	}
	n.state, n.missed, n.answered = deviceUp, 0, r.At
	n.took, n.refresh, n.system = r.Took, r.Refresh, r.System
	n.setReadings(v.held(slices.Clone(r.Readings)))
	return &n
}

// held keeps the rates of ports that a round says nothing new of: their device
// has not renewed its counters since.
func (v *deviceView) held(readings []spate.Reading) []spate.Reading {
	for i := range readings {
		rd := &readings[i]
		if rd.Port == nil || rd.Gap != "" || rd.Rate.Over > 0 {
			continue
		}
		old := (*spate.Reading)(nil)
		if i < len(v.readings) && v.readings[i].Port.ID == rd.Port.ID {
			old = &v.readings[i]
		} else {
			old = v.find(rd.Port.ID.Name)
		}
		if old != nil && old.Gap == "" {
			rd.Rate, rd.Excess = old.Rate, old.Excess
		}
	}
	return readings
}

// sentence cleans an error word by word: what a device said may be part of it,
// and the hint at its end must survive the bound of Clean.
func sentence(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		words[i] = spate.Clean(w)
	}
	s = strings.Join(words, " ")
	if runes := []rune(s); len(runes) > maxSentence {
		return string(runes[:maxSentence]) + "…"
	}
	return s
}

const maxSentence = 1000 // runes

func (v *deviceView) setReadings(readings []spate.Reading) {
	readings = slices.DeleteFunc(readings, func(r spate.Reading) bool { return r.Port == nil })
	byIndex := func(a, b spate.Reading) int {
		return cmp.Or(cmp.Compare(a.Port.IfIndex, b.Port.IfIndex), strings.Compare(a.Port.ID.Name, b.Port.ID.Name))
	}
	if !slices.IsSortedFunc(readings, byIndex) {
		slices.SortFunc(readings, byIndex)
	}
	v.readings, v.known, v.wires, v.up = readings, true, 0, 0
	for i := range readings {
		if host.IsUser(readings[i].Port) {
			continue
		}
		v.wires++
		if readings[i].Port.Oper == spate.StatusUp {
			v.up++
		}
	}
}

func (v *deviceView) find(name string) *spate.Reading {
	for i := range v.readings {
		if v.readings[i].Port.ID.Name == name {
			return &v.readings[i]
		}
	}
	return nil
}

// fresh tells whether the reading has a rate that may still be shown at now:
// not while a gap is set, and not staleAfter intervals after the last poll.
func (v *deviceView) fresh(r *spate.Reading, now time.Time) bool {
	return r.Rate.Over > 0 && r.Gap == "" && now.Sub(r.Rate.At) <= staleAfter*max(v.interval, v.refresh)
}

// silent tells whether the device has missed so many rounds that its figures
// are old.
func (v *deviceView) silent(now time.Time) bool {
	return v.state == deviceDown || v.interval > 0 && !v.answered.IsZero() && now.Sub(v.answered) > staleAfter*v.interval
}
