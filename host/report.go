package host

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"strconv"
	"sync"

	"spate"
)

// Protocol is the version of what agents push: JSON lines, the first a Header, the
// others Snapshots, oldest first.
const Protocol = 1

// Bounds of one push.
const (
	mostLines      = 5000
	mostReportLine = 1 << 20 // octets
	mostInterfaces = 2048
	mostNamed      = 512 // users of a snapshot
	mostShown      = 64  // destinations of a snapshot
	mostAddresses  = 32  // of an interface
)

// A Header says who pushes, and what its clocks say at that moment.
type Header struct {
	Version   int     `json:"spate_agent"`
	Host      string  `json:"host"`
	Boot      string  `json:"boot"`  // boot_id of the kernel
	Run       string  `json:"run"`   // of the agent: its users' counters begin with it
	At        int64   `json:"at_ms"` // wall clock, ms since 1970
	Up        int64   `json:"up_ms"` // CLOCK_BOOTTIME, which no step of the clock moves
	IntervalS float64 `json:"interval_s"`
	Backend   string  `json:"backend"` // how users are counted; empty: they are not
	Why       string  `json:"why"`     // why not in a better way
	Doubt     string  `json:"doubt"`   // what the figures miss
	System    string  `json:"system"`
	Release   string  `json:"release"`
}

// A Snapshot is one reading of a machine's counters, which count up.
type Snapshot struct {
	At         int64       `json:"at_ms"`
	Up         int64       `json:"up_ms"`
	Boot       string      `json:"boot"`
	Run        string      `json:"run"`
	IntervalS  float64     `json:"interval_s"`
	Interfaces []Interface `json:"interfaces"`
	Users      []UserCount `json:"users"`
	Others     UserCount   `json:"others"` // all users that are not named
	Flows      []FlowCount `json:"destinations"`
	Error      string      `json:"error"` // why a part is missing
}

// An Interface is a network interface with its counters, by the names of their rates.
type Interface struct {
	Name      string            `json:"name"`
	Index     int               `json:"if_index"`
	Alias     string            `json:"alias"`
	Type      string            `json:"type"` // IANAifType name
	SpeedBps  float64           `json:"speed_bps"`
	SpeedSet  bool              `json:"speed_set,omitempty"` // by hand
	Admin     string            `json:"admin"`
	Oper      string            `json:"oper"`
	MAC       string            `json:"mac"`
	IPs       []string          `json:"ips"`
	HighLayer bool              `json:"high_layer"`
	Counters  map[string]uint64 `json:"counters"`
}

// A UserCount is what a user has sent since the run began, octets of layer 3. From is
// the reading before where the user was not among those named then.
type UserCount struct {
	UID     uint32     `json:"uid"`
	Name    string     `json:"user"`
	Octets  uint64     `json:"octets"`
	Packets uint64     `json:"packets"`
	From    *[2]uint64 `json:"from,omitempty"` // octets, packets
}

// A FlowCount is what a user has sent to one place since the snapshot before.
type FlowCount struct {
	UID      uint32     `json:"uid"`
	Protocol uint8      `json:"protocol"`
	Dst      netip.Addr `json:"dst"`
	Port     uint16     `json:"dst_port"`
	Octets   uint64     `json:"octets"`
	Packets  uint64     `json:"packets"`
}

// An Answer is what the server says to a push.
type Answer struct {
	IntervalS    float64 `json:"interval_s"`   // how often to read and to push from now on
	Destinations bool    `json:"destinations"` // count where users send to
	Taken        int     `json:"taken"`        // snapshots
	Old          int     `json:"old"`          // snapshots that were known already, or out of order
	Note         string  `json:"note"`         // for the agent's log
}

// counterNames are the keys of Interface.Counters.
var counterNames = [...]struct {
	c    spate.Counter
	name string
}{
	{spate.InOctets, "in_octets"}, {spate.OutOctets, "out_octets"}, {spate.InUcastPkts, "in_ucast_pkts"}, {spate.OutUcastPkts, "out_ucast_pkts"},
	{spate.InMcastPkts, "in_mcast_pkts"}, {spate.InErrors, "in_errors"}, {spate.OutErrors, "out_errors"}, {spate.InDiscards, "in_discards"}, {spate.OutDiscards, "out_discards"},
}

// errReport says what is wrong with a push; it is the sender's fault.
var errReport = errors.New("no report of spate agent")

// IsMalformed tells an error that is the sender's fault.
func IsMalformed(err error) bool { return errors.Is(err, errReport) }

// ReadReport reads a push and hands its snapshots on one by one. What an agent says is
// not believed further than its bounds: strings are cleaned, lists cut. A snapshot is
// the callee's until it returns.
func ReadReport(r io.Reader, head func(*Header) error, each func(*Snapshot)) error {
	d, _ := desks.Get().(*desk)
	if d == nil {
		d = &desk{room: make([]byte, usualLine)}
	}
	defer desks.Put(d)
	lines := bufio.NewScanner(r)
	lines.Buffer(d.room, mostReportLine)
	if !lines.Scan() {
		if err := lines.Err(); err != nil {
			return unreadable(err)
		}
		return fmt.Errorf("%w: it is empty", errReport)
	}
	var h Header
	if d.begin(lines.Bytes()); !d.header(&h) {
		h = Header{}
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
			return fmt.Errorf("%w: line 1: %w", errReport, err)
		}
	}
	if err := h.check(); err != nil {
		return err
	}
	if err := head(&h); err != nil {
		return err
	}
	for n := 2; lines.Scan(); n++ {
		if n > mostLines {
			return fmt.Errorf("%w: more than %d lines", errReport, mostLines)
		}
		if d.begin(lines.Bytes()); !d.line.snapshot(&d.snapshot) {
			d.snapshot = Snapshot{}
			if err := json.Unmarshal(lines.Bytes(), &d.snapshot); err != nil {
				return fmt.Errorf("%w: line %d: %w", errReport, n, err)
			}
		}
		if err := d.snapshot.check(); err != nil {
			return fmt.Errorf("%w: line %d: %w", errReport, n, err)
		}
		each(&d.snapshot)
	}
	if err := lines.Err(); err != nil {
		return unreadable(err)
	}
	return nil
}

// A desk is what the reading of a report needs, lent to the next when it is done.
type desk struct {
	line
	snapshot Snapshot
	room     []byte // for lines; a longer one gets its own
}

const usualLine = 16 << 10 // octets

var desks sync.Pool

func unreadable(err error) error {
	if errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("%w: a line of more than %d octets", errReport, mostReportLine)
	}
	return fmt.Errorf("%w: %w", errReport, err)
}

func (h *Header) check() error {
	if h.Version != Protocol {
		return fmt.Errorf("%w: spate_agent is %d, wanted %d: are agent and server of one release?", errReport, h.Version, Protocol)
	}
	if !validMark(h.Boot) || !validMark(h.Run) || h.At <= 0 || h.At > 1<<43 || h.Up < 0 || h.Up > 1<<43 {
		return fmt.Errorf("%w: boot, run, at_ms or up_ms is missing", errReport)
	}
	for _, s := range [...]*string{&h.Host, &h.Backend, &h.Why, &h.Doubt, &h.System, &h.Release} {
		*s = spate.Clean(*s)
	}
	return nil
}

// validMark tells an id that may be compared and printed.
func validMark(s string) bool {
	if len(s) < 8 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') && c != '-' {
			return false
		}
	}
	return true
}

func (s *Snapshot) check() error {
	switch {
	case !validMark(s.Boot) || !validMark(s.Run) || s.At <= 0 || s.At > 1<<43 || s.Up < 0 || s.Up > 1<<43:
		return errors.New("boot, run, at_ms or up_ms is missing")
	case math.IsNaN(s.IntervalS) || s.IntervalS < 0.1 || s.IntervalS > 3600:
		return fmt.Errorf("interval_s is %g, wanted 0.1 to 3600", s.IntervalS)
	case len(s.Interfaces) > mostInterfaces || len(s.Users) > mostNamed || len(s.Flows) > mostShown:
		return fmt.Errorf("wanted at most %d interfaces, %d users and %d destinations", mostInterfaces, mostNamed, mostShown)
	}
	seen := map[string]bool{}
	for i := range s.Interfaces {
		f := &s.Interfaces[i]
		f.Name, f.Alias, f.Type, f.MAC = spate.Clean(f.Name), spate.Clean(f.Alias), spate.Clean(f.Type), spate.Clean(f.MAC)
		if f.Name == "" {
			f.Name = "if" + strconv.Itoa(f.Index)
		}
		if seen[f.Name] {
			return fmt.Errorf("two interfaces are called %q", f.Name)
		}
		seen[f.Name] = true
		if !(f.SpeedBps >= 0) || f.SpeedBps > 1e13 {
			f.SpeedBps = 0
		}
		f.IPs = f.IPs[:min(len(f.IPs), mostAddresses)]
	}
	if uid, twice := repeated(s.Users); twice {
		return fmt.Errorf("user %d comes twice", uid)
	}
	for i := range s.Users {
		u := &s.Users[i]
		u.Name = spate.CleanTo(u.Name, 64)
	}
	for i := range s.Flows {
		s.Flows[i].Dst = s.Flows[i].Dst.WithZone("")
	}
	s.Error = spate.Clean(s.Error)
	return nil
}

// repeated finds a user who is in a list twice. Agents sort theirs.
func repeated(users []UserCount) (uid uint32, twice bool) {
	sorted := true
	for i := 1; i < len(users); i++ {
		sorted = sorted && users[i-1].UID < users[i].UID
	}
	if sorted {
		return 0, false
	}
	seen := make(map[uint32]bool, len(users))
	for i := range users {
		if seen[users[i].UID] {
			return users[i].UID, true
		}
		seen[users[i].UID] = true
	}
	return 0, false
}
