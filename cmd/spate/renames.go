package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"spate"
	"spate/cmd/spate/config"
	"spate/storage"
	"spate/web"
)

// The config is the operator's: a device that is still in it under the old name goes on
// under that name, and gets the new one when the config is read again without the old.

const renamePatience = 10 * time.Second // for the store to end what is open

// rename gives a device another name, with its history.
func (s *site) rename(ctx context.Context, from, to string) (web.Renaming, error) {
	s.renaming.Lock()
	defer s.renaming.Unlock()
	out := web.Renaming{From: from, To: to}
	known, err := s.namesKnown()
	if err != nil {
		return out, err
	}
	if err := known.refuse(from, to); err != nil {
		return out, err
	}
	old, here := known.configured[from]
	_, also := known.configured[to]
	switch {
	case from == to:
		out.Done, out.Text = true, from+" keeps its name"
		return out, errors.Join(s.state.Withdraw(from), s.learnNames())
	case here && also:
		out.Text = fmt.Sprintf("both names stand in the config: %s will be %s, with its history, once %s is removed from it and the config is read again (SIGHUP)", from, to, from)
	case here:
		out.Text = fmt.Sprintf("%s will be %s, with its history, once the config says so: change its name there and have it read again (SIGHUP)", from, to)
	case also:
		out.Text = fmt.Sprintf("%s is %s now, with its history", from, to)
	default:
		out.Text = fmt.Sprintf("%s is %s now, with its history; it is polled once it stands in the config under this name", from, to)
	}
	if here {
		err = s.state.Await(storage.Renaming{From: from, To: to, Address: old.Address, At: time.Now().UTC()})
		return out, errors.Join(err, s.learnNames())
	}
	out.Done = true
	return out, s.renameNow(ctx, from, to)
}

// renameNow moves everything. What is on disk changes all at once; a kill after that
// leaves nothing to be done but what the next start does.
func (s *site) renameNow(ctx context.Context, from, to string) error {
	ctx, cancel := context.WithTimeout(ctx, renamePatience)
	defer cancel()
	if err := s.inventory.flush(); err != nil {
		return err
	}
	if s.chronicle != nil {
		s.chronicle.flush()
	}
	at, err := s.store.Part(ctx, from, time.Now())
	if err != nil {
		return err
	}
	move := func() error { return s.state.Rename(from, to, at) }
	if s.watch == nil { // it will read what is on disk
		err = move()
	} else {
		err = s.watch.rename(from, to, move)
	}
	if err != nil {
		return err
	}
	s.inventory.forget(from)
	s.inventory.seed(s.board)
	s.log.Info("device renamed", "device", to, "was", from)
	return s.learnNames()
}

// learnNames has the store find history by the names of now.
func (s *site) learnNames() error {
	r, err := s.state.Renamings()
	if err == nil {
		s.store.SetNames(r.All())
	}
	return err
}

// settle gives devices the names that wait for a config, where this is the one.
func (s *site) settle(devices []spate.Device) error {
	r, err := s.state.Renamings()
	if err != nil {
		return err
	}
	for _, w := range r.Waiting {
		switch now := ripe(w, devices); now {
		case ripeYes:
			err = errors.Join(err, s.renameNow(context.Background(), w.From, w.To))
		case ripeNever:
			s.log.Error("both names are of devices now: the one that was to be renamed keeps its name and its history", "device", w.From, "new", w.To)
			err = errors.Join(err, s.state.Withdraw(w.From))
		}
	}
	return errors.Join(err, s.learnNames())
}

// A ripeness says whether a device gets its new name with a config.
type ripeness int

const (
	ripeNot ripeness = iota
	ripeYes
	ripeNever
)

func ripe(w storage.Renaming, devices []spate.Device) ripeness {
	var from, to *spate.Device
	for i := range devices {
		switch devices[i].Name {
		case w.From:
			from = &devices[i]
		case w.To:
			to = &devices[i]
		}
	}
	switch {
	case from == nil:
		return ripeYes
	case to == nil, to.Address == w.Address && from.Address == w.Address:
		return ripeNot
	case to.Address == w.Address: // and another device has the old name at once
		return ripeYes
	}
	return ripeNever
}

// namesKnown is what there is to know of names before one is changed.
type namesKnown struct {
	configured map[string]spate.Device
	records    map[string]storage.DeviceRecord
	renamings  storage.Renamings
}

func (s *site) namesKnown() (*namesKnown, error) {
	k := &namesKnown{configured: map[string]spate.Device{}, records: map[string]storage.DeviceRecord{}}
	for _, d := range s.devices(s.config.Load()) {
		k.configured[d.Name] = d
	}
	if err := s.inventory.flush(); err != nil {
		return nil, err
	}
	records, err := s.state.Devices()
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		k.records[r.Device.Name] = r
	}
	k.renamings, err = s.state.Renamings()
	return k, err
}

// knows tells whether a name is that of a device, or of what is left of one.
func (k *namesKnown) knows(name string) bool {
	_, configured := k.configured[name]
	_, remembered := k.records[name]
	return configured || remembered || len(k.renamings.Names.Of(name)) > 0
}

// waits tells whether a device is to get another name.
func (k *namesKnown) waits(name string) bool {
	return slices.ContainsFunc(k.renamings.Waiting, func(w storage.Renaming) bool { return w.From == name })
}

// refuse says why a device cannot get a name; nil: it can.
func (k *namesKnown) refuse(from, to string) error {
	if !config.IsName(to) {
		return web.Refusal(fmt.Sprintf("to: %.80q is no name of a device, wanted letters, digits, . _ and -, 63 at most, a letter or digit first", to))
	}
	if from == to && !k.waits(from) {
		return web.Refusal("to: it has this name already, wanted another")
	}
	if !k.knows(from) {
		for _, f := range k.renamings.Names {
			if f.Name == from {
				return web.Missing(fmt.Sprintf("no device %.80q: it is called %s since %s", from, f.Device, f.Until.Format(time.RFC3339)))
			}
		}
		return web.Missing(fmt.Sprintf("no device %.80q: GET /api/v1/devices lists those of the config", from))
	}
	for _, w := range k.renamings.Waiting {
		if w.To == to && w.From != from {
			return web.Conflict(fmt.Sprintf("%s is to be called %s already: choose another name", w.From, to))
		}
	}
	return k.another(from, to)
}

// another says why the new name is that of another device.
func (k *namesKnown) another(from, to string) error {
	old, fromHere := k.configured[from]
	now, toHere := k.configured[to]
	was, is := k.records[from], k.records[to]
	switch {
	case fromHere && toHere && old.Address != now.Address:
		return web.Conflict(fmt.Sprintf("%s and %s are both polled, at %s and %s: they are two devices, and their histories stay apart", from, to, old.Address, now.Address))
	case !toHere && k.knows(to):
		return web.Conflict(fmt.Sprintf("%s is another device, which was removed from the config and still has a history: choose another name", to))
	case toHere && !fromHere && now.Address != was.Device.Address && !is.FirstSeen.IsZero() && is.FirstSeen.Before(was.LastSeen):
		return web.Conflict(fmt.Sprintf("%s is another device: it was polled at %s while %s was at %s", to, now.Address, from, was.Device.Address))
	}
	return nil
}
