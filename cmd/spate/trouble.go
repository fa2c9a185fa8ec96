package main

import (
	"sync/atomic"
	"time"

	"spate"
)

// trouble is what is wrong with Spate itself, told as the faults of devices are.
type trouble struct {
	where string // this machine
	fault atomic.Pointer[spate.Fault]
}

func newTrouble() *trouble {
	name, err := hostname()
	if err != nil {
		name = "spate"
	}
	return &trouble{where: name}
}

// store takes what keeps the store from writing; empty: nothing does any more.
func (t *trouble) store(reason string) {
	if reason == "" {
		t.fault.Store(nil)
		return
	}
	t.fault.Store(&spate.Fault{Kind: spate.KindOther, Port: spate.PortID{Device: t.where}, Since: time.Now(), Severity: spate.Warning,
		Text: "records nothing, polling and messages go on: " + spate.Clean(reason)})
}

// faults adds it to others.
func (t *trouble) faults(others []spate.Fault) []spate.Fault {
	if f := t.fault.Load(); f != nil {
		return append(others, *f)
	}
	return others
}
