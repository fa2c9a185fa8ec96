package host_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"spate/host"
)

// What the kernel says of one user is read as it is, and whatever stands behind it or in
// its place does no harm.
func FuzzElements(f *testing.F) {
	f.Add(uint32(1042), uint64(10_280_000), uint64(10_000), []byte{})
	f.Add(uint32(0), uint64(0), uint64(0), []byte{3, 0, 1, 0})
	f.Add(^uint32(0), ^uint64(0), ^uint64(0), []byte{255, 255, 3, 128, 8, 0, 1, 0})
	f.Fuzz(func(t *testing.T, uid uint32, octets, packets uint64, junk []byte) {
		nest := func(kind uint16, attributes ...netlink.Attribute) netlink.Attribute {
			b, err := netlink.MarshalAttributes(attributes)
			if err != nil {
				t.Fatal(err)
			}
			return netlink.Attribute{Type: kind | unix.NLA_F_NESTED, Data: b}
		}
		element := nest(unix.NFTA_LIST_ELEM,
			nest(unix.NFTA_SET_ELEM_KEY, netlink.Attribute{Type: unix.NFTA_DATA_VALUE, Data: binary.NativeEndian.AppendUint32(nil, uid)}),
			nest(unix.NFTA_SET_ELEM_EXPR, netlink.Attribute{Type: unix.NFTA_EXPR_NAME, Data: []byte("counter\x00")},
				nest(unix.NFTA_EXPR_DATA, netlink.Attribute{Type: unix.NFTA_COUNTER_BYTES, Data: binary.BigEndian.AppendUint64(nil, octets)},
					netlink.Attribute{Type: unix.NFTA_COUNTER_PACKETS, Data: binary.BigEndian.AppendUint64(nil, packets)})))
		message, err := netlink.MarshalAttributes([]netlink.Attribute{{Type: unix.NFTA_SET_ELEM_LIST_SET, Data: []byte("byuid\x00")}, nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS, element)})
		if err != nil {
			t.Fatal(err)
		}
		var got []host.Tally
		host.Elements(append([]byte{1, 0, 0, 0}, message...), func(key []byte, tally host.Tally) {
			if u := binary.NativeEndian.Uint32(key); u != uid {
				t.Errorf("user %d, want %d", u, uid)
			}
			got = append(got, tally)
		})
		if len(got) != 1 || got[0] != (host.Tally{Octets: octets, Packets: packets}) {
			t.Errorf("%+v, want %d octets and %d packets", got, octets, packets)
		}
		host.Elements(junk, func(key []byte, _ host.Tally) { host.FlowOf(key) })
		got = got[:0]
		host.Elements(append(append([]byte{1, 0, 0, 0}, message...), junk...), func(_ []byte, tally host.Tally) { got = append(got, tally) })
		if len(got) < 1 || got[0] != (host.Tally{Octets: octets, Packets: packets}) {
			t.Errorf("with something behind it: %+v", got)
		}
	})
}

// Only what nobody can have written to is given back.
func TestWhichMappingsAreGivenBack(t *testing.T) {
	tests := []struct {
		line     string
		from, to uintptr
		ok       bool
	}{
		{line: "00400000-017c1000 r-xp 00000000 fe:00 9979858                            /usr/bin/spate\n", from: 0x400000, to: 0x17c1000, ok: true},
		{line: "017c1000-02c09000 r--p 013c1000 fe:00 9979858                            /usr/bin/spate\n", from: 0x17c1000, to: 0x2c09000, ok: true},
		{line: "02c09000-031cb000 rw-p 02809000 fe:00 9979858                            /usr/bin/spate\n"},
		{line: "031cb000-0525e000 rw-p 00000000 00:00 0 \n"},
		{line: "7fd1bc486000-7fd1bc488000 r-xp 00000000 00:00 0                          [vdso]\n"},
		{line: "7fd1bc000000-7fd1bc100000 r--p 00000000 fe:00 17                         /usr/lib/libc.so.6\n"},
		{line: "no mapping at all of /usr/bin/spate\n"},
		{line: "017c1000 r--p 013c1000 fe:00 9979858 /usr/bin/spate"},
		{line: ""},
	}
	for _, tt := range tests {
		from, to, ok := host.CleanMapping(tt.line, "/usr/bin/spate")
		if ok != tt.ok || ok && (from != tt.from || to != tt.to) {
			t.Errorf("%q: %x to %x, %v, want %x to %x, %v", tt.line, from, to, ok, tt.from, tt.to, tt.ok)
		}
	}
}

// Where cgroup v2 is, and that a machine with v1 alone is told so.
func TestWhereCgroupV2Is(t *testing.T) {
	for _, tt := range []struct{ name, mounts, want string }{
		{"v2 alone", "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n", "/sys/fs/cgroup"},
		{"beside v1", "tmpfs /sys/fs/cgroup tmpfs ro 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n", "/sys/fs/cgroup/unified"},
		{"at a place with a blank", "none /mnt/cgroup\\0402 cgroup2 rw 0 0\n", "/mnt/cgroup 2"},
		{"v1 alone", "tmpfs /sys/fs/cgroup tmpfs ro 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n", ""},
		{"a line that is cut", "cgroup2 /sys\n\n", ""},
	} {
		file := filepath.Join(t.TempDir(), "mounts")
		if err := os.WriteFile(file, []byte(tt.mounts), 0o600); err != nil {
			t.Fatal(err)
		}
		at, err := host.UnifiedCgroup(file)
		if at != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: %q, %v, want %q", tt.name, at, err, tt.want)
		}
		if err != nil && !strings.Contains(err.Error(), "only v1 mounted") {
			t.Errorf("%s: the reason is %q", tt.name, err)
		}
	}
}
