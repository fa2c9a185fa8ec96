package detect

import "maps"

// Rename gives what is known of a device to its new name. Where both know a port, the old
// name has learned for longer.
func (w *Watch) Rename(from, to string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	old := w.devices[from]
	if old == nil {
		return
	}
	delete(w.devices, from)
	now := w.devices[to]
	if now == nil {
		w.devices[to] = old
		return
	}
	old.mu.Lock()
	ports := maps.Clone(old.ports)
	old.mu.Unlock()
	now.mu.Lock()
	defer now.mu.Unlock()
	for name, p := range ports {
		if here := now.ports[name]; here != nil {
			p.mark, p.marked, p.burst = here.mark, here.marked, here.burst
		}
		now.ports[name] = p
	}
}
