package poller

import (
	"log/slog"
	"sync"
	"time"

	"spate"
)

const (
	sayAgain    = time.Hour // the same thing of the same device
	mostSayings = 64        // different things of one device that are kept apart
	mostNotes   = 8         // that one look at the tables may add
)

// A Fallback is why a device is read another way than others; `why` of
// spate_fallbacks_total.
type Fallback string

// Ways of reading that a device asks for.
const (
	FallbackSmaller Fallback = "smaller_answers" // the agent cannot answer so much at once
	FallbackNext    Fallback = "getnext"         // its GETBULK is of no use for tables
	FallbackGet     Fallback = "get"             // nor for rounds: rows are asked for by name
	FallbackV1      Fallback = "snmpv1"          // it is silent to SNMPv2c
	FallbackSlow    Fallback = "slower"          // it cannot finish within its interval
	FallbackNarrow  Fallback = "narrow_counter"  // a 64-bit column stands still while its 32-bit twin counts
	FallbackRow     Fallback = "row_left_out"    // a row that cannot be sent even alone
	FallbackOrder   Fallback = "walk_cut_short"  // a walk that goes backwards
	FallbackRows    Fallback = "too_many_rows"   // more rows than are read
	FallbackSyntax  Fallback = "value_left_out"  // a value of another type than the MIB's
	FallbackChanged Fallback = "read_again"      // the table changed while it was read
)

// Fallbacks lists every reason, for metrics that start at zero.
func Fallbacks() []Fallback {
	return []Fallback{FallbackSmaller, FallbackNext, FallbackGet, FallbackV1, FallbackSlow, FallbackNarrow, FallbackRow, FallbackOrder, FallbackRows, FallbackSyntax, FallbackChanged}
}

// A voice tells the log of what a device does wrong, each thing once until it has
// been away for an hour: a device whose 10,000 ports begin anew gives one line.
type voice struct {
	log  *slog.Logger
	mu   sync.Mutex // answers are rejected on other goroutines than rounds end on
	said map[string]time.Time
}

// once tells whether a thing is to be said now.
func (v *voice) once(what string, now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	at, known := v.said[what]
	if v.said == nil {
		v.said = map[string]time.Time{}
	}
	if !known && len(v.said) >= mostSayings {
		return false
	}
	v.said[what] = now
	return !known || now.Sub(at) >= sayAgain
}

// rejected tells of an answer that was not believed.
func (v *voice) rejected(why Rejection) {
	if v.log != nil && v.once("rejected "+string(why), time.Now()) {
		v.log.Warn("answer not believed", "why", string(why))
	}
}

// noted tells of an oddity that was worked around.
func (v *voice) noted(notes []string) {
	for i, n := range notes {
		if v.log != nil && i == mostNotes {
			if v.once("notes", time.Now()) {
				v.log.Info("device is read another way in more ways", "more", len(notes)-i)
			}
			return
		}
		if v.log != nil && v.once("note "+n, time.Now()) {
			v.log.Info("device is read another way", "why", n)
		}
	}
}

// gaps tells why ports have no rate, a line for each reason.
func (v *voice) gaps(r *spate.Round) {
	if v.log == nil || r.Err != nil {
		return // a silent device is told by its health
	}
	count := map[spate.Gap]int{}
	first := map[spate.Gap]*spate.Port{}
	for i := range r.Readings {
		rd := &r.Readings[i]
		if rd.Gap == "" {
			continue
		}
		if count[rd.Gap]++; first[rd.Gap] == nil {
			first[rd.Gap] = rd.Port
		}
	}
	for _, gap := range spate.Gaps() {
		if n := count[gap]; n > 0 && v.once("gap "+string(gap), r.At) {
			v.log.Info("no rate", "why", string(gap), "ports", n, "port", first[gap].ID.Name)
		}
	}
}
