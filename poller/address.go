package poller

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// snmpPort is where SNMP agents listen (RFC 3417, section 3.1).
const snmpPort = "161"

// hostOf is the host of "host", "host:port" or "[v6]:port".
func hostOf(address string) string {
	if _, err := netip.ParseAddr(address); err == nil {
		return address // a bare IPv6 address has colons but no port
	}
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

func portOf(address string) string {
	if _, err := netip.ParseAddr(address); err == nil {
		return snmpPort
	}
	if _, port, err := net.SplitHostPort(address); err == nil {
		return port
	}
	return snmpPort
}

// A Resolver turns a host name into addresses; net.DefaultResolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// resolveTimeout bounds a look-up, so that a dead name server costs a device
// its round and nothing more.
const resolveTimeout = 3 * time.Second

// resolve finds the address of a device's agent.
func resolve(ctx context.Context, r Resolver, address string) (netip.AddrPort, error) {
	host, port := hostOf(address), portOf(address)
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return netip.AddrPort{}, fmt.Errorf("%q: port %q is none", address, port)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return netip.AddrPortFrom(ip, uint16(n)), nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	found, err := r.LookupNetIP(ctx, "ip", host)
	if err != nil || len(found) == 0 {
		return netip.AddrPort{}, fmt.Errorf("%w: %s (%v)", ErrNoAddress, host, err)
	}
	return netip.AddrPortFrom(found[0].Unmap(), uint16(n)), nil
}
