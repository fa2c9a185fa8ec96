package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// nft counts by one rule in a table of its own: each packet on its way out updates a
// set keyed by the socket's user, so that new users appear by themselves and four
// thousand cost what one does. The table belongs to this process (flag "owner",
// Linux 5.12): the kernel takes it away when the process ends, however it ends.
type nft struct {
	conn   *nftables.Conn
	socket *netlink.Conn // of conn
	table  *nftables.Table
	set    *nftables.Set
	flows  *nftFlows // nil while nobody watches
}

const (
	nftName     = "spate"
	nftNames    = 8     // tried, where others have taken the first
	tableOwner  = 2     // NFT_TABLE_F_OWNER, include/uapi/linux/netfilter/nf_tables.h
	arphrdLoop  = 772   // ARPHRD_LOOPBACK
	nftPriority = 32767 // after everybody else's rules in the hook, before nothing
)

// Doubt implements Doubt.
func (*nft) Doubt() string {
	return "what the kernel still sends for a program after it has closed its socket has no user in nftables: TCP octets are a lower bound"
}

// newNFT makes the table.
func newNFT() (Counter, error) {
	var socket *netlink.Conn
	conn, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(c *netlink.Conn) error { socket = c; return nil }))
	if err != nil {
		return nil, fmt.Errorf("%w: nftables: %w", errBackend, err)
	}
	n := &nft{conn: conn, socket: socket}
	if err := n.build(); err != nil {
		_ = conn.CloseLasting()
		switch {
		case errors.Is(err, unix.EPERM):
			err = fmt.Errorf("needs CAP_NET_ADMIN: %w", err)
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EINVAL):
			err = fmt.Errorf("needs Linux 5.12, where a table vanishes with its owner: %w", err)
		}
		return nil, fmt.Errorf("%w: nftables %w", errBackend, err)
	}
	return n, nil
}

func (n *nft) build() error {
	name, err := n.freeName()
	if err != nil {
		return err
	}
	if err := ownTable(n.socket, name); err != nil {
		return err
	}
	n.table = &nftables.Table{Name: name, Family: nftables.TableFamilyINet, Flags: tableOwner}
	n.set = &nftables.Set{Table: n.table, Name: "byuid", Dynamic: true, Counter: false, KeyType: nftables.TypeUID, KeyByteOrder: binaryutil.NativeEndian, Size: mostUsers}
	if err := n.conn.AddSet(n.set, nil); err != nil {
		return err
	}
	accept := nftables.ChainPolicyAccept
	chain := n.conn.AddChain(&nftables.Chain{Name: "out", Table: n.table, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityRef(nftPriority), Policy: &accept})
	n.conn.AddRule(&nftables.Rule{Table: n.table, Chain: chain, Exprs: []expr.Any{
		&expr.Meta{Key: expr.MetaKeyOIFTYPE, Register: 1},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: binary.NativeEndian.AppendUint16(nil, arphrdLoop)},
		&expr.Meta{Key: expr.MetaKeySKUID, Register: 1},
		&expr.Dynset{SrcRegKey: 1, SetName: n.set.Name, SetID: n.set.ID, Operation: unix.NFT_DYNSET_OP_UPDATE, Exprs: []expr.Any{&expr.Counter{}}},
	}})
	return n.conn.Flush()
}

// freeName is a name that no table of the family has: somebody else's is left alone.
func (n *nft) freeName() (string, error) {
	tables, err := n.conn.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return "", err
	}
	for i := range nftNames {
		name := nftName
		if i > 0 {
			name += strconv.Itoa(i + 1)
		}
		if !slices.ContainsFunc(tables, func(t *nftables.Table) bool { return t.Name == name }) {
			return name, nil
		}
	}
	return "", fmt.Errorf("tables %s to %s%d are all taken by others", nftName, nftName, nftNames)
}

// ownTable makes a table that belongs to the socket. It does by hand what the
// library does not: its tables have no flags. NLM_F_EXCL: never somebody else's.
func ownTable(socket *netlink.Conn, name string) error {
	attributes, err := netlink.MarshalAttributes([]netlink.Attribute{
		{Type: unix.NFTA_TABLE_NAME, Data: append([]byte(name), 0)},
		{Type: unix.NFTA_TABLE_FLAGS, Data: binary.BigEndian.AppendUint32(nil, tableOwner)},
	})
	if err != nil {
		return err
	}
	_, err = socket.SendMessages([]netlink.Message{
		{Header: netlink.Header{Type: unix.NFNL_MSG_BATCH_BEGIN, Flags: netlink.Request}, Data: nfgenmsg(0, unix.NFNL_SUBSYS_NFTABLES)},
		{Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWTABLE, Flags: netlink.Request | netlink.Acknowledge | netlink.Create | netlink.Excl},
			Data: append(nfgenmsg(unix.NFPROTO_INET, 0), attributes...)},
		{Header: netlink.Header{Type: unix.NFNL_MSG_BATCH_END, Flags: netlink.Request}, Data: nfgenmsg(0, unix.NFNL_SUBSYS_NFTABLES)},
	})
	if err != nil {
		return err
	}
	if err := socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err = socket.Receive(); err != nil {
		return err
	}
	return socket.SetReadDeadline(time.Time{})
}

// Name implements Counter.
func (*nft) Name() string { return "nftables" }

// Users implements Counter.
func (n *nft) Users(users map[uint32]Tally) error {
	if err := readSet(n.socket, n.table.Name, n.set.Name, func(key []byte, t Tally) {
		if len(key) == 4 {
			users[binary.NativeEndian.Uint32(key)] = t
		}
	}); err != nil {
		return fmt.Errorf("read the users' counters from nftables: %w", err)
	}
	return nil
}

// Close implements Counter: the table goes with the socket.
func (n *nft) Close() error { return n.conn.CloseLasting() }
