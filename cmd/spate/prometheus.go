package main

import (
	"iter"

	"spate/host"
	"spate/promql"
	"spate/web"
)

// A promSource tells the Prometheus face which ports the board has.
type promSource struct{ board *web.Board }

// Ports are those of the board.
func (s promSource) Ports() iter.Seq[promql.Port] {
	return func(yield func(promql.Port) bool) {
		for p := range s.board.Ports() {
			if !yield(promql.Port{
				ID: p.Port.ID, Instance: p.Device.Address, Alias: p.Port.Alias, Descr: p.Port.Descr, IfIndex: p.Port.IfIndex,
				Speed: p.Port.Speed, Admin: p.Port.Admin, Oper: p.Port.Oper, Polled: p.Polled, Unicast: host.IsUser(p.Port),
			}) {
				return
			}
		}
	}
}
