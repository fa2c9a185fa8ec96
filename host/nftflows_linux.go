package host

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// nftFlows counts where users send to: while somebody watches, a second chain
// updates one set for each version of IP, keyed by user, protocol, address and
// port. Destinations that nobody sends to any more give way to new ones.
type nftFlows struct {
	chain *nftables.Chain
	sets  []*nftables.Set // IPv4 and IPv6
}

const (
	flowLasts = 2 * time.Minute // unused, in the kernel's set

	// Registers of four octets: a key is what stands in several, one after the other.
	regUID   = unix.NFT_REG32_00
	regProto = regUID + 1
	regDst   = regProto + 1
)

// addFlows makes the chain and its sets.
func (n *nft) addFlows() error {
	accept := nftables.ChainPolicyAccept
	wants := func(op expr.CmpOp, n byte) expr.Any {
		return &expr.Cmp{Op: op, Register: regProto, Data: []byte{n}}
	}
	f := &nftFlows{chain: n.conn.AddChain(&nftables.Chain{Name: "destinations", Table: n.table, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityRef(nftPriority), Policy: &accept})}
	for _, ip := range []struct {
		name    string
		version byte
		address nftables.SetDatatype
		offset  uint32 // of the destination in the IP header
	}{{"byflow4", unix.NFPROTO_IPV4, nftables.TypeIPAddr, 16}, {"byflow6", unix.NFPROTO_IPV6, nftables.TypeIP6Addr, 24}} {
		key, err := nftables.ConcatSetType(nftables.TypeUID, nftables.TypeInetProto, ip.address, nftables.TypeInetService)
		if err != nil {
			return err
		}
		set := &nftables.Set{Table: n.table, Name: ip.name, Dynamic: true, Concatenation: true, HasTimeout: true, Timeout: flowLasts, KeyType: key, KeyByteOrder: binaryutil.NativeEndian, Size: mostFlows}
		if err := n.conn.AddSet(set, nil); err != nil {
			return err
		}
		f.sets = append(f.sets, set)
		regPort := regDst + ip.address.Bytes/4
		port := &expr.Payload{DestRegister: regPort, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2}
		none := &expr.Immediate{Register: regPort, Data: make([]byte, 4)}
		for _, kind := range []struct {
			are  []expr.Any // what the protocol has to be
			port expr.Any
		}{
			{[]expr.Any{wants(expr.CmpOpEq, unix.IPPROTO_TCP)}, port},
			{[]expr.Any{wants(expr.CmpOpEq, unix.IPPROTO_UDP)}, port},
			{[]expr.Any{wants(expr.CmpOpNeq, unix.IPPROTO_TCP), wants(expr.CmpOpNeq, unix.IPPROTO_UDP)}, none},
		} {
			rule := []expr.Any{
				&expr.Meta{Key: expr.MetaKeyOIFTYPE, Register: regUID},
				&expr.Cmp{Op: expr.CmpOpNeq, Register: regUID, Data: binary.NativeEndian.AppendUint16(nil, arphrdLoop)},
				&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: regUID},
				&expr.Cmp{Op: expr.CmpOpEq, Register: regUID, Data: []byte{ip.version}},
				&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: regProto},
			}
			rule = append(rule, kind.are...)
			rule = append(rule,
				kind.port,
				&expr.Payload{DestRegister: regDst, Base: expr.PayloadBaseNetworkHeader, Offset: ip.offset, Len: ip.address.Bytes},
				&expr.Meta{Key: expr.MetaKeySKUID, Register: regUID},
				&expr.Dynset{SrcRegKey: regUID, SetName: set.Name, SetID: set.ID, Operation: unix.NFT_DYNSET_OP_UPDATE, Exprs: []expr.Any{&expr.Counter{}}},
			)
			n.conn.AddRule(&nftables.Rule{Table: n.table, Chain: f.chain, Exprs: rule})
		}
	}
	if err := n.conn.Flush(); err != nil {
		return fmt.Errorf("count destinations by nftables: %w", err)
	}
	n.flows = f
	return nil
}

// Watch implements Counter.
func (n *nft) Watch(on bool) error {
	switch {
	case on == (n.flows != nil):
		return nil
	case on:
		return n.addFlows()
	}
	f := n.flows
	n.flows = nil
	n.conn.FlushChain(f.chain)
	n.conn.DelChain(f.chain)
	for _, set := range f.sets {
		n.conn.DelSet(set)
	}
	return n.conn.Flush()
}

// Flows implements Counter. The hook comes before the kernel cuts fragments; those
// that a program makes by itself have no port, and only the first counts.
func (n *nft) Flows(flows map[Flow]Tally) error {
	if n.flows == nil {
		return nil
	}
	for _, set := range n.flows.sets {
		if err := readSet(n.socket, n.table.Name, set.Name, func(key []byte, t Tally) {
			if f, ok := flowOf(key); ok {
				flows[f] = t
			}
		}); err != nil {
			return fmt.Errorf("read the destinations from nftables: %w", err)
		}
	}
	return nil
}

// flowOf reads the key of an element: user, protocol, address and port, each from a
// multiple of four octets on.
func flowOf(key []byte) (Flow, bool) {
	if len(key) < 12 {
		return Flow{}, false
	}
	port := len(key) - 4
	dst, ok := netip.AddrFromSlice(key[8:port])
	return Flow{UID: binary.NativeEndian.Uint32(key), Protocol: key[4], Dst: dst, Port: binary.BigEndian.Uint16(key[port:])}, ok
}
