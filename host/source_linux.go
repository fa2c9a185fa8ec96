package host

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jsimonetti/rtnetlink/v2"
	"golang.org/x/sys/unix"
)

// kernelSource asks the kernel over one netlink socket, opened when it is
// needed and anew after an error.
func kernelSource() Source { return &kernel{} }

type kernel struct{ conn *rtnetlink.Conn }

// patience bounds how long the kernel may take to answer.
const patience = 5 * time.Second

// Links implements Source.
func (k *kernel) Links() ([]Link, error) {
	messages, err := k.list()
	if errors.Is(err, unix.EINTR) {
		messages, err = k.list() // links came or went while the kernel wrote the list
	}
	if err != nil {
		_ = k.Close()
		return nil, explain(err)
	}
	links := make([]Link, 0, len(messages))
	for i := range messages {
		if a := messages[i].Attributes; a != nil && a.Stats64 != nil {
			links = append(links, linkOf(&messages[i]))
		}
	}
	return links, nil
}

func (k *kernel) list() ([]rtnetlink.LinkMessage, error) {
	if k.conn == nil {
		conn, err := rtnetlink.Dial(nil)
		if err != nil {
			return nil, err
		}
		k.conn = conn
	}
	if err := k.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	return k.conn.Link.List()
}

// Close implements Source.
func (k *kernel) Close() error {
	if k.conn == nil {
		return nil
	}
	err := k.conn.Close()
	k.conn = nil
	return err
}

// explain says what to do about an error.
func explain(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EPROTONOSUPPORT) {
		return fmt.Errorf("the kernel does not let Spate list network interfaces (%w): allow AF_NETLINK sockets in this container or unit (systemd: RestrictAddressFamilies=AF_NETLINK), or set host.enabled = false", err)
	}
	return fmt.Errorf("list network interfaces: %w", err)
}

func linkOf(m *rtnetlink.LinkMessage) Link {
	a, s := m.Attributes, m.Attributes.Stats64
	l := Link{
		Index: int(m.Index), Name: a.Name, Hardware: int(m.Type), MAC: a.Address,
		Up: m.Flags&unix.IFF_UP != 0, Running: m.Flags&unix.IFF_RUNNING != 0, Oper: uint8(a.OperationalState),
		RxBytes: s.RXBytes, TxBytes: s.TXBytes, RxPackets: s.RXPackets, TxPackets: s.TXPackets,
		RxErrors: s.RXErrors, TxErrors: s.TXErrors, RxDropped: s.RXDropped, TxDropped: s.TXDropped,
		RxMissed: s.RXMissedErrors, Multicast: s.Multicast,
	}
	if a.Alias != nil {
		l.Alias = *a.Alias
	}
	if a.Info != nil {
		l.Kind = a.Info.Kind
	}
	if a.Master != nil {
		l.Master = int(*a.Master)
	}
	return l
}
