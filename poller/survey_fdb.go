package poller

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"spate"
	"spate/mibs"
)

func isWalk(err error) bool { return errors.Is(err, ErrWalk) }

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// forwarding reads which station is seen on which port: by VLAN where the device
// can tell, else without, else bridge by bridge as Cisco has them.
func (s *surveyor) forwarding(ctx context.Context) (rows, dropped int, err error) {
	vlans := map[uint32]int{} // filtering database to VLAN; 0: of several
	_, err = s.each(ctx, mostBridged, []mibs.Object{mibs.Dot1qVlanFdbID}, func(_ mibs.Object, index []uint32, v *Var) {
		if len(index) != 2 {
			return
		}
		fdb, vlan := uint32(v.Uint), int(index[1])
		if was, ok := vlans[fdb]; ok && was != vlan {
			vlan = 0
		}
		vlans[fdb] = vlan
	})
	if err != nil && !isWalk(err) {
		return 0, 0, err
	}
	vlanOf := func(fdb uint32) int {
		if vlan, ok := vlans[fdb]; ok {
			return vlan
		}
		if len(vlans) == 0 && fdb > 0 && fdb < 4095 {
			return int(fdb) // as devices do that do not tell
		}
		return 0
	}
	rows, dropped, err = s.stations(ctx, mibs.Dot1qTpFdbPort, mibs.Dot1qTpFdbStatus, func(index []uint32) ([]uint32, int, bool) {
		if len(index) != 7 {
			return nil, 0, false
		}
		return index[1:], vlanOf(index[0]), true
	})
	if rows > 0 || err != nil {
		return rows, dropped, err
	}
	plain := func(vlan int) func(index []uint32) ([]uint32, int, bool) {
		return func(index []uint32) ([]uint32, int, bool) { return index, vlan, len(index) == 6 }
	}
	rows, dropped, err = s.stations(ctx, mibs.Dot1dTpFdbPort, mibs.Dot1dTpFdbStatus, plain(0))
	if err != nil || !strings.EqualFold(s.vendor, "Cisco") {
		return rows, dropped, err
	}
	list, err := s.ciscoVLANs(ctx)
	if err != nil {
		return rows, dropped, err
	}
	for _, vlan := range list {
		n, lost, err := s.inVLAN(ctx, vlan, plain(vlan))
		rows, dropped = rows+n, dropped+lost
		switch {
		case errors.Is(err, errNoView):
			return rows, dropped, nil // it has no such bridges, or does not show them
		case err != nil:
			return rows, dropped, fmt.Errorf("VLAN %d: %w", vlan, err)
		}
	}
	return rows, dropped, nil
}

// ciscoVLANs are those that are in operation and carry users; 1002 to 1005 are
// FDDI's and Token Ring's.
func (s *surveyor) ciscoVLANs(ctx context.Context) (list []int, err error) {
	_, err = s.each(ctx, mostBridged, []mibs.Object{mibs.VtpVlanState}, func(_ mibs.Object, index []uint32, v *Var) {
		if len(index) == 2 && v.Uint == 1 && index[1] < 4095 && (index[1] < 1002 || index[1] > 1005) && len(list) < mostVLANs {
			list = append(list, int(index[1]))
		}
	})
	if isWalk(err) {
		err = nil
	}
	return list, err
}

// errNoView tells that a device is silent when its bridge of a VLAN is asked.
var errNoView = errors.New("no bridge of its own for each VLAN")

// inVLAN reads the bridge of one VLAN: its ports have numbers of its own.
func (s *surveyor) inVLAN(ctx context.Context, vlan int, split func([]uint32) ([]uint32, int, bool)) (rows, dropped int, err error) {
	s.view(fmt.Sprint(vlan))
	defer s.view("")
	switch _, err := s.walker.session.Probe(ctx, mibs.Dot1dBaseBridgeAddress.Instance(0)); {
	case ctx.Err() != nil:
		return 0, 0, context.Cause(ctx)
	case errors.Is(err, ErrUnknownContext):
		return 0, 0, nil
	case err != nil:
		return 0, 0, errNoView
	}
	base, walker := s.base, s.walker
	defer func() { s.base, s.walker = base, walker }()
	s.base, s.walker = map[int]int{}, newWalker(walker.session, walker.reject, walker.fell)
	s.walker.vars, s.walker.single = walker.vars, walker.single
	if _, err := s.basePorts(ctx); err != nil || len(s.base) == 0 {
		if isWalk(err) {
			err = nil
		}
		return 0, 0, err
	}
	return s.stations(ctx, mibs.Dot1dTpFdbPort, mibs.Dot1dTpFdbStatus, split)
}

// States of a row of a forwarding table (RFC 4188, dot1dTpFdbStatus).
const (
	fdbInvalid = 2
	fdbSelf    = 4
)

// stations reads one forwarding table; split makes MAC and VLAN of an index.
func (s *surveyor) stations(ctx context.Context, port, status mibs.Object, split func(index []uint32) (mac []uint32, vlan int, ok bool)) (rows, dropped int, err error) {
	type key struct {
		mac  spate.MAC
		vlan int
	}
	at := map[key]int{} // into s.out.Stations
	left := map[key]bool{}
	first := len(s.out.Stations)
	n, err := s.each(ctx, mostStations, []mibs.Object{port, status}, func(o mibs.Object, index []uint32, v *Var) {
		arcs, vlan, ok := split(index)
		octets, good := mibs.OctetsOf(arcs)
		mac, real := spate.MACOf(octets)
		if !ok || !good || !real {
			if o.OID == port.OID {
				rows, dropped = rows+1, dropped+1
			}
			return
		}
		k := key{mac, vlan}
		i, had := at[k]
		if o.OID == port.OID {
			rows++
			name := s.basePort(int(v.Uint))
			if had || name == "" && v.Uint != 0 {
				dropped++
				return
			}
			at[k] = len(s.out.Stations)
			s.out.Stations = append(s.out.Stations, spate.Station{MAC: mac, VLAN: vlan, Port: name})
			return
		}
		switch {
		case v.Uint == fdbInvalid:
			left[k] = true
		case had:
			s.out.Stations[i].Self = v.Uint == fdbSelf
		}
	})
	kept := s.out.Stations[:first]
	for _, st := range s.out.Stations[first:] {
		if !left[key{st.MAC, st.VLAN}] && (st.Port != "" || st.Self) {
			kept = append(kept, st)
		}
	}
	s.out.Stations = kept
	return rows, dropped + n, err
}

// bindings reads which address has which MAC, and the device's own addresses.
func (s *surveyor) bindings(ctx context.Context) (rows, dropped int, err error) {
	rows, dropped, v4, err := s.physical(ctx)
	if err != nil && !isWalk(err) {
		return rows, dropped, err
	}
	if !v4 {
		n, lost, more := s.media(ctx)
		rows, dropped = rows+n, dropped+lost
		if err = firstError(err, more); err != nil && !isWalk(err) {
			return rows, dropped, err
		}
	}
	_, more := s.each(ctx, mostNeighbours, []mibs.Object{mibs.IPAdEntIfIndex}, func(_ mibs.Object, index []uint32, _ *Var) {
		if b, ok := mibs.OctetsOf(index); ok && len(b) == 4 {
			a, _ := netip.AddrFromSlice(b)
			s.own(a)
		}
	})
	if len(s.out.Addresses) == 0 && (more == nil || isWalk(more)) {
		_, more = s.each(ctx, mostNeighbours, []mibs.Object{mibs.IPAddressIfIndex}, func(_ mibs.Object, index []uint32, _ *Var) {
			if a, ok := mibs.InetAddress(index); ok {
				s.own(a)
			}
		})
	}
	if more != nil && !isWalk(more) {
		return rows, dropped, more
	}
	return rows, dropped, err
}

// A bound is a row of an ARP table while it is read.
type bound struct {
	binding spate.Binding
	no      bool // it is invalid, or of a device's own address
}

// physical reads ipNetToPhysicalTable; v4 tells whether it has IPv4 addresses.
func (s *surveyor) physical(ctx context.Context) (rows, dropped int, v4 bool, err error) {
	const invalid, local = 2, 5
	list := newBounds()
	n, err := s.each(ctx, mostBindings, []mibs.Object{mibs.IPNetToPhysicalPhysAddress, mibs.IPNetToPhysicalType}, func(o mibs.Object, index []uint32, v *Var) {
		a, ok := mibs.InetAddress(index[1:])
		if o.OID == mibs.IPNetToPhysicalPhysAddress.OID {
			rows++
			mac, real := spate.MACOf(v.Octets)
			if !ok || !real {
				dropped++
				return
			}
			v4 = v4 || a.Is4()
			list.add(int(index[0]), a, mac)
			return
		}
		if ok && (v.Uint == invalid || v.Uint == local) {
			list.drop(int(index[0]), a)
		}
	})
	list.give(s)
	return rows, dropped + n, v4, err
}

// media reads ipNetToMediaTable.
func (s *surveyor) media(ctx context.Context) (rows, dropped int, err error) {
	const invalid = 2
	list := newBounds()
	n, err := s.each(ctx, mostBindings, []mibs.Object{mibs.IPNetToMediaPhysAddress, mibs.IPNetToMediaType}, func(o mibs.Object, index []uint32, v *Var) {
		var a netip.Addr
		octets, ok := mibs.OctetsOf(index[1:])
		if ok = ok && len(octets) == 4; ok {
			a, _ = netip.AddrFromSlice(octets)
		}
		if o.OID == mibs.IPNetToMediaPhysAddress.OID {
			rows++
			mac, real := spate.MACOf(v.Octets)
			if !ok || !real {
				dropped++
				return
			}
			list.add(int(index[0]), a, mac)
			return
		}
		if ok && v.Uint == invalid {
			list.drop(int(index[0]), a)
		}
	})
	list.give(s)
	return rows, dropped + n, err
}

type boundKey struct {
	row int
	ip  netip.Addr
}

type bounds struct {
	by    map[boundKey]*bound
	order []boundKey
}

func newBounds() *bounds { return &bounds{by: map[boundKey]*bound{}} }

func (b *bounds) add(row int, ip netip.Addr, mac spate.MAC) {
	k := boundKey{row, ip}
	if b.by[k] == nil {
		b.order = append(b.order, k)
	}
	b.by[k] = &bound{binding: spate.Binding{IP: ip.WithZone(""), MAC: mac}}
}

func (b *bounds) drop(row int, ip netip.Addr) {
	if x := b.by[boundKey{row, ip}]; x != nil {
		x.no = true
	}
}

func (b *bounds) give(s *surveyor) {
	for _, k := range b.order {
		if x := b.by[k]; !x.no {
			x.binding.Port = s.port(k.row)
			s.out.Bindings = append(s.out.Bindings, x.binding)
		}
	}
}
