package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// skb counts by a small program in the kernel that sees each packet on its way out
// of a socket (BPF_CGROUP_INET_EGRESS at the root of the cgroup v2 tree, Linux 5.7).
// It knows the socket's user even after the program that wrote has closed it, and
// it hangs on a file descriptor of this process: when the process ends, however it
// ends, the kernel takes it away.
type skb struct {
	users, flows, full, watch *ebpf.Map
	program                   *ebpf.Program
	hook                      link.Link

	mu sync.Mutex
}

// flowKey is the key of map flows: uid, port (big endian), protocol, a zero, address.
type flowKey struct {
	UID      uint32
	Port     [2]byte
	Protocol uint8
	Zero     uint8
	Dst      [16]byte // IPv4 as ::ffff:a.b.c.d
}

// newSKB loads and attaches the program.
func newSKB() (Counter, error) {
	root, err := unifiedCgroup("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	if err := rlimit.RemoveMemlock(); err != nil && !errors.Is(err, unix.EPERM) {
		return nil, fmt.Errorf("%w: eBPF: %w", errBackend, err)
	}
	s := &skb{}
	if err := s.load(root); err != nil {
		s.Close()
		var refused *ebpf.VerifierError
		if errors.Is(err, unix.EPERM) && !errors.As(err, &refused) { // the library would speak of locked memory
			return nil, fmt.Errorf("%w: eBPF needs CAP_BPF and CAP_NET_ADMIN (before Linux 5.8 CAP_SYS_ADMIN): %w", errBackend, unix.EPERM)
		}
		return nil, fmt.Errorf("%w: eBPF: %w", errBackend, err)
	}
	return s, nil
}

func (s *skb) load(root string) (err error) {
	tally := uint32(binary.Size(Tally{}))
	for _, m := range []struct {
		to   **ebpf.Map
		spec ebpf.MapSpec
	}{
		{&s.users, ebpf.MapSpec{Name: "spate_users", Type: ebpf.Hash, KeySize: 4, ValueSize: tally, MaxEntries: mostUsers, Flags: unix.BPF_F_NO_PREALLOC}},
		{&s.full, ebpf.MapSpec{Name: "spate_full", Type: ebpf.Array, KeySize: 4, ValueSize: tally, MaxEntries: 1}},
		{&s.flows, ebpf.MapSpec{Name: "spate_flows", Type: ebpf.LRUHash, KeySize: uint32(binary.Size(flowKey{})), ValueSize: tally, MaxEntries: mostFlows}},
		{&s.watch, ebpf.MapSpec{Name: "spate_watch", Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1}},
	} {
		if *m.to, err = ebpf.NewMap(&m.spec); err != nil {
			return err
		}
	}
	s.program, err = ebpf.NewProgram(&ebpf.ProgramSpec{Name: "spate_egress", Type: ebpf.CGroupSKB, AttachType: ebpf.AttachCGroupInetEgress, License: "GPL", Instructions: s.instructions()})
	if err != nil {
		return err
	}
	dir, err := os.Open(root)
	if err != nil {
		return err
	}
	defer dir.Close()
	// Only as a link: the older way of attaching outlives the process.
	hook, err := link.AttachRawLink(link.RawLinkOptions{Target: int(dir.Fd()), Program: s.program, Attach: ebpf.AttachCGroupInetEgress})
	if err != nil {
		return err
	}
	s.hook = hook
	return nil
}

// Offsets in struct __sk_buff (include/uapi/linux/bpf.h).
const (
	skbLen     = 0
	skbIfindex = 40
	skbGSOSegs = 164
)

// The stack of the program, below r10.
const (
	atUID   = -8   // u32
	atValue = -24  // octets u64, packets u64
	atKey   = -56  // flowKey, 24 octets
	atHead  = -80  // 4 octets loaded of the packet
	atZero  = -88  // u32 0: the key of the arrays
	atFirst = -112 // 24 octets of the packet: IPv4's header without options, and both ports
)

// instructions: r6 the packet, r7 its octets, r8 its packets as they leave the
// machine, r9 scratch. It always answers 1: the packet goes on.
func (s *skb) instructions() asm.Instructions {
	p := asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.LoadMem(asm.R1, asm.R6, skbIfindex, asm.Word),
		asm.JEq.Imm(asm.R1, 1, "out"), // lo is 1 in every network namespace
	}
	p = append(p, measure()...)
	p = append(p, s.countUser()...)
	p = append(p, s.countFlow()...)
	return append(p, labelled("out", asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()})...)
}

// measure leaves octets and packets in r7 and r8, and goes on at "counted". A packet that
// is cut into segments later (TSO, UDP GSO) counts as those: each gets the headers of
// layers 3 and 4 again.
func measure() asm.Instructions {
	p := asm.Instructions{
		asm.LoadMem(asm.R7, asm.R6, skbLen, asm.Word),
		asm.LoadMem(asm.R8, asm.R6, skbGSOSegs, asm.Word),
		asm.JGT.Imm(asm.R8, 1, "segments"),
		asm.Mov.Imm(asm.R8, 1),
		asm.Ja.Label("counted"),
	}
	// r9: octets of the headers of layers 3 and 4.
	p = append(p, labelled("segments", load(atHead, 0, 1, "counted"))...)
	p = append(p,
		asm.LoadMem(asm.R9, asm.RFP, atHead, asm.Byte),
		asm.Mov.Reg(asm.R1, asm.R9),
		asm.RSh.Imm(asm.R1, 4),
		asm.JEq.Imm(asm.R1, 6, "six"),
		asm.And.Imm(asm.R9, 15),
		asm.LSh.Imm(asm.R9, 2),
	)
	p = append(p, load(atHead, 9, 1, "counted")...)
	p = append(p, asm.Ja.Label("layer4"), asm.Mov.Imm(asm.R9, 40).WithSymbol("six"))
	p = append(p, load(atHead, 6, 1, "counted")...)
	p = append(p,
		asm.LoadMem(asm.R1, asm.RFP, atHead, asm.Byte).WithSymbol("layer4"),
		asm.JEq.Imm(asm.R1, unix.IPPROTO_TCP, "tcp"),
		asm.Add.Imm(asm.R9, 8), // UDP
		asm.Ja.Label("heads"),
	)
	p = append(p, labelled("tcp", loadBehind(atHead, 12, 1))...)
	return append(p,
		asm.JNE.Imm(asm.R0, 0, "counted"),
		asm.LoadMem(asm.R1, asm.RFP, atHead, asm.Byte),
		asm.RSh.Imm(asm.R1, 4),
		asm.LSh.Imm(asm.R1, 2),
		asm.Add.Reg(asm.R9, asm.R1),

		asm.Mov.Reg(asm.R1, asm.R8).WithSymbol("heads"),
		asm.Sub.Imm(asm.R1, 1),
		asm.Mul.Reg(asm.R1, asm.R9),
		asm.Add.Reg(asm.R7, asm.R1),
	)
}

// countUser adds the packet to its user, or to nobody's where the table has no room.
func (s *skb) countUser() asm.Instructions {
	p := asm.Instructions{
		asm.StoreMem(asm.RFP, atValue, asm.R7, asm.DWord).WithSymbol("counted"),
		asm.StoreMem(asm.RFP, atValue+8, asm.R8, asm.DWord),
		asm.StoreImm(asm.RFP, atZero, 0, asm.Word),
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.FnGetSocketUid.Call(),
		asm.StoreMem(asm.RFP, atUID, asm.R0, asm.Word),
	}
	p = append(p, s.count(s.users, atUID, "user")...)
	p = append(p, asm.JNE.Imm(asm.R0, 0, "watch?")) // r0 is 0 where the table had no room
	p = append(p, lookup(s.full, atZero)...)
	p = append(p, asm.JEq.Imm(asm.R0, 0, "watch?"))
	return append(p, bump()...)
}

// countFlow adds the packet to where its user sends to, while somebody watches.
func (s *skb) countFlow() asm.Instructions {
	p := labelled("watch?", lookup(s.watch, atZero))
	p = append(p,
		asm.JEq.Imm(asm.R0, 0, "out"),
		asm.LoadMem(asm.R1, asm.R0, 0, asm.Word),
		asm.JEq.Imm(asm.R1, 0, "out"),
		// The key of the flow.
		asm.Mov.Imm(asm.R1, 0),
		asm.StoreMem(asm.RFP, atKey, asm.R1, asm.DWord),
		asm.StoreMem(asm.RFP, atKey+8, asm.R1, asm.DWord),
		asm.StoreMem(asm.RFP, atKey+16, asm.R1, asm.DWord),
		asm.LoadMem(asm.R1, asm.RFP, atUID, asm.Word),
		asm.StoreMem(asm.RFP, atKey, asm.R1, asm.Word),
	)
	// Most packets are IPv4 without options: one call of the kernel loads all that the key
	// needs, where each piece by itself would take four.
	p = append(p, load(atFirst, 0, 24, "pieces")...)
	p = append(p,
		asm.LoadMem(asm.R1, asm.RFP, atFirst, asm.Byte),
		asm.JNE.Imm(asm.R1, 4<<4|5, "pieces"),
		asm.StoreImm(asm.RFP, atKey+18, 0xffff, asm.Half),
		asm.LoadMem(asm.R1, asm.RFP, atFirst+16, asm.Word),
		asm.StoreMem(asm.RFP, atKey+20, asm.R1, asm.Word),
		asm.LoadMem(asm.R2, asm.RFP, atFirst+22, asm.Half),
		asm.LoadMem(asm.R1, asm.RFP, atFirst+9, asm.Byte),
		asm.StoreMem(asm.RFP, atKey+6, asm.R1, asm.Byte),
		asm.JEq.Imm(asm.R1, unix.IPPROTO_TCP, "port4"),
		asm.JNE.Imm(asm.R1, unix.IPPROTO_UDP, "flow"),
		asm.StoreMem(asm.RFP, atKey+4, asm.R2, asm.Half).WithSymbol("port4"),
		asm.Ja.Label("flow"),
	)
	p = append(p, labelled("pieces", load(atHead, 0, 1, "out"))...)
	p = append(p,
		asm.LoadMem(asm.R9, asm.RFP, atHead, asm.Byte),
		asm.Mov.Reg(asm.R1, asm.R9),
		asm.RSh.Imm(asm.R1, 4),
		asm.JEq.Imm(asm.R1, 6, "address6"),
		asm.And.Imm(asm.R9, 15),
		asm.LSh.Imm(asm.R9, 2),
		asm.StoreImm(asm.RFP, atKey+18, 0xffff, asm.Half),
	)
	p = append(p, load(atKey+20, 16, 4, "out")...)
	p = append(p, load(atKey+6, 9, 1, "out")...)
	p = append(p, asm.Ja.Label("ports"), asm.Mov.Imm(asm.R9, 40).WithSymbol("address6"))
	p = append(p, load(atKey+8, 24, 16, "out")...)
	p = append(p, load(atKey+6, 6, 1, "out")...)
	p = append(p,
		asm.LoadMem(asm.R1, asm.RFP, atKey+6, asm.Byte).WithSymbol("ports"),
		asm.JEq.Imm(asm.R1, unix.IPPROTO_TCP, "port"),
		asm.JEq.Imm(asm.R1, unix.IPPROTO_UDP, "port"),
		asm.Ja.Label("flow"),
	)
	p = append(p, labelled("port", loadBehind(atKey+4, 2, 2))...)
	return append(p, labelled("flow", s.count(s.flows, atKey, "dest"))...)
}

// labelled names the first of some instructions.
func labelled(name string, list asm.Instructions) asm.Instructions {
	list[0] = list[0].WithSymbol(name)
	return list
}

// load copies n octets of the packet to the stack.
func load(to, offset, n int32, fail string) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Mov.Imm(asm.R2, offset),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, to),
		asm.Mov.Imm(asm.R4, n),
		asm.FnSkbLoadBytes.Call(),
		asm.JNE.Imm(asm.R0, 0, fail),
	}
}

// loadBehind copies n octets that stand so far behind the first r9; r0 is 0 where they
// are there.
func loadBehind(to, offset, n int32) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Mov.Reg(asm.R2, asm.R9),
		asm.Add.Imm(asm.R2, offset),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, to),
		asm.Mov.Imm(asm.R4, n),
		asm.FnSkbLoadBytes.Call(),
	}
}

// lookup leaves the value of the key on the stack in r0, or 0.
func lookup(m *ebpf.Map, key int32) asm.Instructions {
	return asm.Instructions{
		asm.LoadMapPtr(asm.R1, m.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, key),
		asm.FnMapLookupElem.Call(),
	}
}

// bump adds the packet to the tally that r0 points to. Other processors count too.
func bump() asm.Instructions {
	return asm.Instructions{
		asm.StoreXAdd(asm.R0, asm.R7, asm.DWord),
		asm.Add.Imm(asm.R0, 8),
		asm.StoreXAdd(asm.R0, asm.R8, asm.DWord),
	}
}

// count adds the packet to the tally of a key, which it makes where there is none.
// r0 is 0 afterwards where there was no room. Two processors may both find none:
// the second to make it finds the first's and adds to that.
func (s *skb) count(m *ebpf.Map, key int32, name string) asm.Instructions {
	var p asm.Instructions
	p = append(p, lookup(m, key)...)
	p = append(p,
		asm.JNE.Imm(asm.R0, 0, name+" known"),
		asm.LoadMapPtr(asm.R1, m.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, key),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, atValue),
		asm.Mov.Imm(asm.R4, unix.BPF_NOEXIST),
		asm.FnMapUpdateElem.Call(),
		asm.Mov.Reg(asm.R1, asm.R0),
		asm.Mov.Imm(asm.R0, 1),
		asm.JEq.Imm(asm.R1, 0, name+" end"),
	)
	p = append(p, lookup(m, key)...)
	p = append(p, asm.JEq.Imm(asm.R0, 0, name+" end"))
	p = append(p, labelled(name+" known", bump())...)
	p = append(p, asm.Mov.Imm(asm.R0, 1))
	return append(p, asm.Mov.Imm(asm.R9, 0).WithSymbol(name+" end"))
}

// Name implements Counter.
func (s *skb) Name() string { return "ebpf" }

// Users implements Counter.
func (s *skb) Users(users map[uint32]Tally) error {
	err := entries(s.users, func(uid uint32, t Tally) { users[uid] = t })
	if err != nil {
		return fmt.Errorf("read the users' counters: %w", err)
	}
	var t Tally
	if err := s.full.Lookup(uint32(0), &t); err == nil && t.Packets > 0 {
		users[unknownUID] = t
	}
	return nil
}

// Flows implements Counter.
func (s *skb) Flows(flows map[Flow]Tally) error {
	err := entries(s.flows, func(k flowKey, t Tally) {
		flows[Flow{k.UID, k.Protocol, netip.AddrFrom16(k.Dst).Unmap(), binary.BigEndian.Uint16(k.Port[:])}] = t
	})
	if err != nil {
		return fmt.Errorf("read the destinations: %w", err)
	}
	return nil
}

// atOnce is how many entries of a table one call of the kernel reads (BPF_MAP_LOOKUP_BATCH,
// Linux 5.6): one by one, four thousand users would be eight thousand calls.
const atOnce = 1024

// entries reads a table.
func entries[K comparable](m *ebpf.Map, take func(K, Tally)) error {
	var at ebpf.MapBatchCursor
	size := atOnce
	for keys, values := make([]K, size), make([]Tally, size); ; {
		n, err := m.BatchLookup(&at, keys, values, nil)
		for i := range n {
			take(keys[i], values[i])
		}
		switch {
		case errors.Is(err, ebpf.ErrKeyNotExist):
			return nil // the end
		case errors.Is(err, unix.ENOSPC) && size < mostUsers: // a bucket of the table holds more
			size *= 4
			keys, values = make([]K, size), make([]Tally, size)
		case err != nil:
			return err
		}
	}
}

// Watch implements Counter.
func (s *skb) Watch(on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := uint32(0)
	if on {
		v = 1
	}
	if err := s.watch.Put(uint32(0), v); err != nil {
		return err
	}
	if on {
		return nil
	}
	var k flowKey
	for { // what is kept of destinations goes
		if err := s.flows.NextKey(nil, &k); err != nil {
			return nil
		}
		if err := s.flows.Delete(&k); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return err
		}
	}
}

// Close implements Counter.
func (s *skb) Close() error {
	var errs []error
	if s.hook != nil {
		errs = append(errs, s.hook.Close())
	}
	if s.program != nil {
		errs = append(errs, s.program.Close())
	}
	for _, m := range []*ebpf.Map{s.users, s.full, s.flows, s.watch} {
		if m != nil {
			errs = append(errs, m.Close())
		}
	}
	return errors.Join(errs...)
}

// unifiedCgroup finds where cgroup v2 is mounted, also beside v1.
func unifiedCgroup(mounts string) (string, error) {
	b, err := os.ReadFile(mounts)
	if err != nil {
		return "", fmt.Errorf("%w: eBPF: %w", errBackend, err)
	}
	if at := mountOf(string(b), "cgroup2"); at != "" {
		return filepath.Clean(at), nil
	}
	return "", fmt.Errorf("%w: eBPF needs cgroup v2, and this machine has only v1 mounted", errBackend)
}
