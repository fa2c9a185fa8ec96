package storage

import (
	"bufio"
	"errors"
	"io"
	"os"
	"time"
)

// A replay is what became of the files of a journal.
type replay struct {
	rates   int
	torn    int // files that end in mid-record, as the newest may after a power cut
	damaged int // files with something unreadable: the rest of them is left out
}

// replay does again what the journal says, from its oldest file on, and tells
// whether there was anything. Every file brings its own state, so that damage in
// one costs no more than the rest of that one.
func (w *writer) replay() (replay, bool) {
	var sum replay
	began := false
	w.replaying = true
	defer func() { w.replaying = false; w.window() }()
	for _, o := range w.e.journal.old {
		err := w.replayFile(w.e.journal.path(o.number), &sum, &began)
		switch {
		case err == nil:
		case errors.Is(err, errTorn):
			sum.torn++
		default:
			sum.damaged++
			w.e.space.log.Warn("a file of the journal cannot be read to its end", "file", w.e.journal.path(o.number), "err", err)
		}
	}
	if began {
		w.turnStep(w.e.cfg.Step.Milliseconds())
	}
	return sum, began
}

func (w *writer) replayFile(path string, sum *replay, began *bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	r, err := newJournalReader(bufio.NewReaderSize(f, 1<<20), info.Size())
	if err != nil {
		return err
	}
	kind, body, err := r.next()
	if err != nil {
		return torn(err)
	}
	if kind != recordState {
		return errJournal
	}
	st, err := readState(body, r.step)
	if err != nil {
		return err
	}
	if *began {
		w.turnStep(r.step)
	}
	w.step = r.step
	w.window()
	w.restore(st)
	*began = true
	return w.replayRounds(r, sum)
}

func (w *writer) replayRounds(r *journalReader, sum *replay) error {
	var rates []rated
	for {
		kind, body, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if kind == recordSafe {
			w.dropSafe()
			continue
		}
		if kind != recordRound {
			return errJournal
		}
		at, list, err := r.round(body, rates[:0])
		if err != nil {
			return err
		}
		w.again(time.UnixMilli(at), list)
		sum.rates += len(list)
		rates = list
	}
}

// again is take, of a round of the journal.
func (w *writer) again(at time.Time, rates []rated) {
	ps := w.e.ports
	ps.mu.Lock()
	for i := range rates {
		w.spread(ps.get(rates[i].port), &rates[i].rate)
	}
	w.tend(at.UnixMilli())
	ps.mu.Unlock()
	if w.rows.full() {
		w.push()
	}
}

// holds tells that rows wait for what the journal says of them.
func (w *writer) holds() bool { return w.replaying && w.e.raw.keeps() }

// dropSafe forgets rows that need not be written again.
func (w *writer) dropSafe() {
	if !w.holds() {
		return
	}
	w.rows.empty()
	for l := range w.levels {
		w.levels[l].rows.empty()
	}
}

// turnStep ends the slots of another step: what is known of them is written.
func (w *writer) turnStep(step int64) {
	if step != w.step {
		w.finishAll()
		w.step = step
	}
}

// torn makes the end of a file in mid-state what it is.
func torn(err error) error {
	if errors.Is(err, io.EOF) {
		return errTorn
	}
	return err
}
