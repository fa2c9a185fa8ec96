package poller

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"spate"
	"spate/mibs"
)

// Rows of each kind of table that are read at most; the rest is left out and told.
const (
	mostNeighbours = 1 << 12
	mostStations   = 1 << 17
	mostBindings   = 1 << 16
	mostParts      = 1 << 14
	mostBridged    = 1 << 13 // base ports, spanning tree ports
	mostVLANs      = 128     // bridges of a Cisco switch that are asked one by one
)

// A surveyor reads what is around one device.
type surveyor struct {
	walker *walker
	view   func(context string) // which of the device's bridges is asked; "": the usual one
	device string
	vendor string
	byRow  map[int]*spate.Port // ifIndex to port
	base   map[int]int         // dot1dBasePort to ifIndex
	skip   map[spate.TableKind]bool
	out    *spate.Tables
}

// survey reads all tables. An error is of the whole: the device fell silent or may
// not be read. What of it could be read is in the tables even then.
func (s *surveyor) survey(ctx context.Context) error {
	s.out.Read = map[spate.TableKind]spate.TableRead{}
	for _, part := range []struct {
		kind spate.TableKind
		read func(context.Context) (int, int, error) // rows read and dropped
	}{
		{spate.TableSpanning, s.bridge}, {spate.TableLLDP, s.lldp}, {spate.TableCDP, s.cdp}, {spate.TableFDB, s.forwarding}, {spate.TableARP, s.bindings}, {spate.TableEntity, s.entity},
	} {
		if s.skip[part.kind] {
			s.out.Read[part.kind] = spate.TableRead{Whole: true, Absent: true}
			continue
		}
		short := s.walker.short
		notes := len(s.walker.notes)
		rows, dropped, err := part.read(ctx)
		read := spate.TableRead{Rows: rows, Dropped: dropped, Whole: err == nil && s.walker.short == short}
		read.Absent = read.Whole && rows == 0
		switch {
		case err != nil:
			read.Why = spate.Clean(err.Error())
		case len(s.walker.notes) > notes:
			read.Why = spate.Clean(strings.Join(s.walker.notes[notes:], "; "))
		}
		s.out.Read[part.kind] = read
		if err != nil && !errors.Is(err, ErrWalk) {
			return err
		}
	}
	return nil
}

// each walks columns of a table of at most so many rows.
func (s *surveyor) each(ctx context.Context, most int, objects []mibs.Object, visit func(o mibs.Object, index []uint32, v *Var)) (dropped int, err error) {
	s.walker.most = most
	err = s.walker.each(ctx, objects, func(o mibs.Object, v *Var) {
		index, ok := o.OID.Arcs(v.OID)
		if !ok || !v.Is(o.Syntax) {
			dropped++
			return
		}
		visit(o, index, v)
	})
	return dropped, err
}

// port is the name of the port of an ifIndex, empty where it is none.
func (s *surveyor) port(ifIndex int) string {
	if p := s.byRow[ifIndex]; p != nil {
		return p.ID.Name
	}
	return ""
}

// basePort is the name of the port that a bridge calls n. A bridge that lists no
// ports is taken to call them by ifIndex.
func (s *surveyor) basePort(n int) string {
	if i, ok := s.base[n]; ok {
		return s.port(i)
	}
	if len(s.base) == 0 {
		return s.port(n)
	}
	return ""
}

// bridge reads the bridge's ports and its spanning tree.
func (s *surveyor) bridge(ctx context.Context) (rows, dropped int, err error) {
	vars, err := getAll(ctx, s.walker.session, []mibs.Object{mibs.Dot1dBaseBridgeAddress, mibs.Dot1dStpTimeSinceChange, mibs.Dot1dStpTopChanges}, s.walker.reject)
	if err != nil {
		return 0, 0, err
	}
	if m, ok := spate.MACOf(vars[mibs.Dot1dBaseBridgeAddress.OID].Octets); ok {
		s.out.Chassis = append(s.out.Chassis, spate.ChassisID{Kind: spate.IDMAC, Text: m.String()})
	}
	if v, ok := vars[mibs.Dot1dStpTopChanges.OID]; ok {
		s.out.Changes = uint32(v.Uint)
	}
	if v, ok := vars[mibs.Dot1dStpTimeSinceChange.OID]; ok && s.out.Changes > 0 {
		s.out.ChangedAt = time.Now().Add(-time.Duration(v.Uint) * 10 * time.Millisecond)
	}
	if dropped, err = s.basePorts(ctx); err != nil {
		return 0, dropped, err
	}
	ports := map[int]*spate.SpanningPort{}
	var order []int
	n, err := s.each(ctx, mostBridged, []mibs.Object{mibs.Dot1dStpPortState, mibs.Dot1dStpPortDesignatedBridge, mibs.Dot1dStpPortDesignatedPort}, func(o mibs.Object, index []uint32, v *Var) {
		number := int(index[0])
		p := ports[number]
		if p == nil {
			p = &spate.SpanningPort{Number: number, Port: s.basePort(number)}
			ports[number] = p
			order = append(order, number)
		}
		switch o.OID {
		case mibs.Dot1dStpPortState.OID:
			p.Blocking, p.Forwarding = v.Uint == 2, v.Uint == 5
		case mibs.Dot1dStpPortDesignatedBridge.OID:
			if len(v.Octets) == 8 {
				p.DesignatedBridge, _ = spate.MACOf(v.Octets[2:])
			}
		case mibs.Dot1dStpPortDesignatedPort.OID:
			if len(v.Octets) == 2 {
				p.DesignatedPort = int(v.Octets[0]&0x0f)<<8 | int(v.Octets[1])
			}
		}
	})
	for _, number := range order {
		if p := ports[number]; p.Port != "" {
			s.out.Spanning = append(s.out.Spanning, *p)
		} else {
			dropped++
		}
	}
	return len(order), dropped + n, err
}

// basePorts reads which ifIndex a bridge's ports have.
func (s *surveyor) basePorts(ctx context.Context) (dropped int, err error) {
	return s.each(ctx, mostBridged, []mibs.Object{mibs.Dot1dBasePortIfIndex}, func(_ mibs.Object, index []uint32, v *Var) {
		if len(index) == 1 && v.Uint > 0 && v.Uint < 1<<31 {
			s.base[int(index[0])] = int(v.Uint)
		}
	})
}

// entity reads what the box is made of: pieces with a serial number, and ports.
func (s *surveyor) entity(ctx context.Context) (rows, dropped int, err error) {
	parts := map[uint32]*spate.Part{}
	var order []uint32
	columns := []mibs.Object{mibs.EntPhysicalDescr, mibs.EntPhysicalClass, mibs.EntPhysicalName, mibs.EntPhysicalSerialNum, mibs.EntPhysicalModelName}
	dropped, err = s.each(ctx, mostParts, columns, func(o mibs.Object, index []uint32, v *Var) {
		p := parts[index[0]]
		if p == nil {
			p = &spate.Part{}
			parts[index[0]] = p
			order = append(order, index[0])
		}
		switch o.OID {
		case mibs.EntPhysicalDescr.OID:
			p.Descr = spate.Clean(string(v.Octets))
		case mibs.EntPhysicalClass.OID:
			p.Class = entityClass(v.Uint)
		case mibs.EntPhysicalName.OID:
			p.Name = spate.Clean(string(v.Octets))
		case mibs.EntPhysicalSerialNum.OID:
			p.SerialNumber = spate.Clean(string(v.Octets))
		case mibs.EntPhysicalModelName.OID:
			p.Model = spate.Clean(string(v.Octets))
		}
	})
	if err != nil || len(order) == 0 {
		return len(order), dropped, err
	}
	n, err := s.each(ctx, mostParts, []mibs.Object{mibs.EntAliasMappingLeadID}, func(_ mibs.Object, index []uint32, v *Var) {
		if row, ok := mibs.IfIndex.OID.Index(v.Name); ok && parts[index[0]] != nil {
			parts[index[0]].Port = s.port(row)
		}
	})
	for _, i := range order {
		if p := parts[i]; p.SerialNumber != "" || p.Port != "" || p.Class == "chassis" || p.Class == "stack" {
			s.out.Parts = append(s.out.Parts, *p)
		}
	}
	return len(order), dropped + n, err
}

// entityClass is PhysicalClass (RFC 6933, section 3).
func entityClass(n uint64) string {
	words := [...]string{"", "other", "unknown", "chassis", "backplane", "container", "powerSupply", "fan", "sensor", "module", "port", "stack", "cpu", "energyObject", "battery", "storageDrive"}
	if n >= uint64(len(words)) {
		return "unknown"
	}
	return words[n]
}

// own notes an address of the device itself.
func (s *surveyor) own(a netip.Addr) {
	if a.IsValid() && !a.IsLoopback() && !a.IsUnspecified() && len(s.out.Addresses) < mostNeighbours {
		s.out.Addresses = append(s.out.Addresses, a.WithZone("").Unmap())
	}
}

// String is for errors.
func (s *surveyor) String() string { return fmt.Sprintf("tables of %s", s.device) }
