package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/storage"
	"spate/web"
)

// inventory keeps in state.db what devices were found to be, so that after a
// restart a silent device still has its ports and names. It writes on its own
// goroutine, at most once in savePause, and only what has changed.
type inventory struct {
	state *storage.State
	keep  time.Duration // poller.keep_removed
	log   *slog.Logger
	fails *metrics.Counter

	mu      sync.Mutex
	pending map[string]storage.DeviceRecord // by device; the newest wins
	last    map[string]map[spate.PortID]*spate.Port
	learned map[string][]byte // of each device, as last written
}

const (
	savePause  = 5 * time.Second // what a crash may cost of the inventory; the next discovery brings it back
	prunePause = time.Hour
)

func newInventory(state *storage.State, keep time.Duration, set *metrics.Set, log *slog.Logger) (*inventory, error) {
	v := &inventory{
		state: state, keep: keep, log: log, fails: set.NewCounter("spate_inventory_write_errors_total"),
		pending: map[string]storage.DeviceRecord{}, last: map[string]map[spate.PortID]*spate.Port{}, learned: map[string][]byte{},
	}
	return v, v.state.Prune(time.Now().Add(-keep))
}

// seed puts what the last run knew onto the board.
func (v *inventory) seed(board *web.Board) {
	records, err := v.state.Devices()
	if err != nil {
		v.log.Error("inventory not readable: silent devices show no ports until they answer", "err", err)
		return
	}
	for _, d := range records {
		var ports []*spate.Port
		for _, p := range d.Ports {
			if p.Removed.IsZero() {
				port := p.Port
				ports = append(ports, &port)
			}
		}
		board.Seed(d.Device.Name, ports)
		v.mu.Lock()
		v.learned[d.Device.Name] = d.Limits
		v.mu.Unlock()
	}
}

// recall is what an earlier run has learned of a device.
func (v *inventory) recall(device string) []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.learned[device]
}

// remembered are the devices that are kept, those that were removed too.
func (v *inventory) remembered() map[string]bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := make(map[string]bool, len(v.learned))
	for name := range v.learned {
		out[name] = true
	}
	return out
}

// forget lets go of a device that has another name now.
func (v *inventory) forget(device string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.pending, device)
	delete(v.last, device)
	delete(v.learned, device)
}

// portsOf are the known ports of a device, or of all where it is "", by device.
func (v *inventory) portsOf(device string) map[string][]*spate.Port {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := map[string][]*spate.Port{}
	for name, ports := range v.last {
		if device != "" && name != device {
			continue
		}
		for _, p := range ports {
			out[name] = append(out[name], p)
		}
	}
	return out
}

// Accept notes a round whose device or ports are not what they were.
func (v *inventory) Accept(_ context.Context, r *spate.Round) {
	if r.Err != nil || len(r.Readings) == 0 {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.changed(r) {
		return
	}
	record := storage.DeviceRecord{Device: r.Device, System: r.System, Limits: r.Learned, LastSeen: r.At}
	ports := make(map[spate.PortID]*spate.Port, len(r.Readings))
	for i := range r.Readings {
		p := r.Readings[i].Port
		ports[p.ID] = p
		record.Ports = append(record.Ports, storage.PortRecord{Port: *p, LastSeen: r.At})
	}
	v.last[r.Device.Name], v.learned[r.Device.Name] = ports, r.Learned
	v.pending[r.Device.Name] = record
}

// changed compares ports by pointer: a Port is never changed, so the same
// pointer is the same port.
func (v *inventory) changed(r *spate.Round) bool {
	last := v.last[r.Device.Name]
	if len(last) != len(r.Readings) || !bytes.Equal(v.learned[r.Device.Name], r.Learned) {
		return true
	}
	for i := range r.Readings {
		if last[r.Readings[i].Port.ID] != r.Readings[i].Port {
			return true
		}
	}
	return false
}

// retain marks the devices that are configured no longer.
func (v *inventory) retain(devices []spate.Device) {
	here := map[string]bool{}
	for _, d := range devices {
		here[d.Name] = true
	}
	if err := v.state.Retain(func(name string) bool { return here[name] }, time.Now()); err != nil {
		v.failed(err)
	}
}

// run writes until ctx ends.
func (v *inventory) run(ctx context.Context) {
	save, prune := time.NewTicker(savePause), time.NewTicker(prunePause)
	defer save.Stop()
	defer prune.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-save.C:
			if err := v.flush(); err != nil {
				v.failed(err)
			}
		case <-prune.C:
			if err := v.state.Prune(time.Now().Add(-v.keep)); err != nil {
				v.failed(err)
			}
		}
	}
}

func (v *inventory) failed(err error) {
	v.fails.Inc()
	v.log.Error("inventory not written", "err", err)
}

// flush writes what is pending.
func (v *inventory) flush() error {
	v.mu.Lock()
	records := make([]storage.DeviceRecord, 0, len(v.pending))
	for _, r := range v.pending {
		records = append(records, r)
	}
	clear(v.pending)
	v.mu.Unlock()
	if err := v.state.SaveDevice(records...); err != nil {
		return fmt.Errorf("write %d devices: %w", len(records), err)
	}
	return nil
}
