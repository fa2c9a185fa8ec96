package host

import (
	"encoding/binary"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// nfgenmsg is the head of each message of nftables.
func nfgenmsg(family byte, resource uint16) []byte {
	return binary.BigEndian.AppendUint16([]byte{family, unix.NFNETLINK_V0}, resource)
}

// readSet reads the elements of a set of table inet that have a counter each. A key is
// good until take returns. The library makes many values of each element; of four thousand
// users that was most of what the agent's memory held.
func readSet(socket *netlink.Conn, table, set string, take func(key []byte, t Tally)) error {
	attributes, err := netlink.MarshalAttributes([]netlink.Attribute{
		{Type: unix.NFTA_SET_ELEM_LIST_TABLE, Data: append([]byte(table), 0)},
		{Type: unix.NFTA_SET_ELEM_LIST_SET, Data: append([]byte(set), 0)},
	})
	if err != nil {
		return err
	}
	messages, err := socket.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETSETELEM, Flags: netlink.Request | netlink.Dump},
		Data:   append(nfgenmsg(unix.NFPROTO_INET, 0), attributes...),
	})
	if err != nil {
		return fmt.Errorf("set %s of table %s: %w", set, table, err)
	}
	for i := range messages {
		elements(messages[i].Data, take)
	}
	return nil
}

// elements reads one message with elements of a set
// (include/uapi/linux/netfilter/nf_tables.h). What is no element of ours is left out.
func elements(message []byte, take func(key []byte, t Tally)) {
	if len(message) < 4 {
		return
	}
	eachAttribute(message[4:], func(kind uint16, list []byte) {
		if kind != unix.NFTA_SET_ELEM_LIST_ELEMENTS {
			return
		}
		eachAttribute(list, func(_ uint16, element []byte) {
			key := within(within(element, unix.NFTA_SET_ELEM_KEY), unix.NFTA_DATA_VALUE)
			counter := within(within(element, unix.NFTA_SET_ELEM_EXPR), unix.NFTA_EXPR_DATA)
			octets, packets := within(counter, unix.NFTA_COUNTER_BYTES), within(counter, unix.NFTA_COUNTER_PACKETS)
			if len(octets) == 8 && len(packets) == 8 {
				take(key, Tally{Octets: binary.BigEndian.Uint64(octets), Packets: binary.BigEndian.Uint64(packets)})
			}
		})
	})
}

// within is the value of the first attribute of a kind.
func within(b []byte, wanted uint16) (found []byte) {
	eachAttribute(b, func(kind uint16, value []byte) {
		if found == nil && kind == wanted {
			found = value
		}
	})
	return found
}

// eachAttribute reads attributes of netlink (struct nlattr), up to the first that is none.
func eachAttribute(b []byte, take func(kind uint16, value []byte)) {
	for len(b) >= unix.SizeofNlAttr {
		n := int(binary.NativeEndian.Uint16(b))
		if n < unix.SizeofNlAttr || n > len(b) {
			return
		}
		take(binary.NativeEndian.Uint16(b[2:])&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), b[unix.SizeofNlAttr:n])
		b = b[min(len(b), (n+unix.NLA_ALIGNTO-1)&^(unix.NLA_ALIGNTO-1)):]
	}
}
