package spate

import (
	"slices"
	"time"
)

// A Former is a name under which a stretch of a device's history is stored: a device that is
// renamed keeps its history where it is, and its new name leads there.
type Former struct {
	Device string    `json:"device"`         // whose history it is, by its name of today
	Name   string    `json:"name"`           // under which it is stored
	From   time.Time `json:"from,omitzero"`  // what was before is another device's; zero: nothing was
	Until  time.Time `json:"until,omitzero"` // what comes later is another device's; zero: nothing yet
}

// Names are the former names of all devices.
type Names []Former

// Since is the time from which a name means the device that has it today; zero: it
// never meant another.
func (n Names) Since(name string) (since time.Time) {
	for _, f := range n {
		if f.Name == name && f.Until.After(since) {
			since = f.Until
		}
	}
	return since
}

// Of are the former names of a device, the last one first.
func (n Names) Of(device string) (out Names) {
	for _, f := range n {
		if f.Device == device {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b Former) int {
		if a.Until.IsZero() != b.Until.IsZero() {
			if a.Until.IsZero() {
				return -1
			}
			return 1
		}
		return b.Until.Compare(a.Until)
	})
	return out
}

// Rename is n after a device got another name at a time: all that was its history until
// then is found under the new one. A device that gets an earlier name back has it as
// if it had never been without.
func (n Names) Rename(from, to string, at time.Time) Names {
	out := make(Names, 0, len(n)+1)
	for _, f := range n {
		if f.Device == from {
			f.Device = to
		}
		out = append(out, f)
	}
	out = append(out, Former{Device: to, Name: from, From: n.Since(from), Until: at})
	return slices.DeleteFunc(out, func(f Former) bool {
		return f.Device == f.Name && f.Until.Equal(out.Since(f.Name))
	})
}

// Lend is n where a device is about to get another name: its history is found under
// both.
func (n Names) Lend(from, to string) Names {
	out := slices.Clone(n)
	for _, f := range n.Of(from) {
		f.Device = to
		out = append(out, f)
	}
	return append(out, Former{Device: to, Name: from, From: n.Since(from)})
}
