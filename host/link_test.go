package host_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"spate"
	"spate/host"
	"spate/mibs"
)

func TestLinksBecomePorts(t *testing.T) {
	links := []host.Link{
		{Index: 1, Name: "lo", Hardware: 772, MAC: make([]byte, 6), Up: true, Running: true},
		eth0(0),
		{Index: 3, Name: "eth1", Hardware: 1, Oper: 2, Master: 4},
		{Index: 4, Name: "bond0", Hardware: 1, Kind: "bond", Up: true, Oper: 6},
		{Index: 5, Name: "bond0.7", Hardware: 1, Kind: "vlan", Up: true, Oper: 3},
		{Index: 6, Name: "bridge0", Hardware: 1, Kind: "bridge", Up: true, Oper: 6},
		{Index: 7, Name: "veth1", Hardware: 1, Kind: "veth", Up: true, Oper: 6, Master: 6},
		{Index: 8, Name: "wlan0", Hardware: 1, Up: true, Oper: 5},
		{Index: 9, Name: "wg0", Hardware: 65534, Kind: "wireguard", Up: true, Running: true},
		{Index: 10, Name: "sit0", Hardware: 776, MAC: []byte{192, 0, 2, 1}},
		{Index: 11, Name: "can0", Hardware: 280, Up: true},
		{Index: 12, Name: "a\u200bb", Hardware: 1}, {Index: 13, Name: "ab", Hardware: 1}, {Index: 14, Name: "\u202e", Hardware: 1},
	}
	rounds, _ := run(t, 1, func(int) ([]host.Link, error) { return links, nil })
	const up, down = spate.StatusUp, spate.StatusDown
	want := []spate.Port{
		{ID: spate.PortID{Name: "lo"}, Type: "softwareLoopback", Admin: up, Oper: up},
		{ID: spate.PortID{Name: "eth0"}, Type: "ethernetCsmacd", Admin: up, Oper: up, Alias: "to[31m the rack", MAC: "02:00:00:00:00:01", Speed: 25e9},
		{ID: spate.PortID{Name: "eth1"}, Type: "ethernetCsmacd", Admin: down, Oper: down, HighLayer: true},
		{ID: spate.PortID{Name: "bond0"}, Type: "ieee8023adLag", Admin: up, Oper: up, Speed: 50e9},
		{ID: spate.PortID{Name: "bond0.7"}, Type: "l2vlan", Admin: up, Oper: spate.StatusLowerLayerDown, HighLayer: true},
		{ID: spate.PortID{Name: "bridge0"}, Type: "bridge", Admin: up, Oper: up, HighLayer: true},
		{ID: spate.PortID{Name: "veth1"}, Type: "propVirtual", Admin: up, Oper: up},
		{ID: spate.PortID{Name: "wlan0"}, Type: "ieee80211", Admin: up, Oper: spate.StatusDormant},
		{ID: spate.PortID{Name: "wg0"}, Type: "tunnel", Admin: up, Oper: up, HighLayer: true},
		{ID: spate.PortID{Name: "sit0"}, Type: "tunnel", Admin: down, Oper: down},
		{ID: spate.PortID{Name: "can0"}, Type: "other", Admin: up, Oper: spate.StatusUnknown},
		{ID: spate.PortID{Name: "ab#12"}, Type: "ethernetCsmacd", Admin: down, Oper: down},
		{ID: spate.PortID{Name: "ab#13"}, Type: "ethernetCsmacd", Admin: down, Oper: down},
		{ID: spate.PortID{Name: "if14"}, Type: "ethernetCsmacd", Admin: down, Oper: down},
	}
	for i, w := range want {
		got := *rounds[0].Readings[i].Port
		if got.Wide.Len() != 9 || got.Narrow != 0 {
			t.Errorf("%s: %d wide and %d narrow counters, want 9 and 0", got.ID, got.Wide.Len(), got.Narrow.Len())
		}
		w.ID.Device, w.IfIndex, w.Descr, w.Wide, w.SpeedSource = "web-17", i+1, w.ID.Name, got.Wide, spate.SpeedUnknown
		if w.Speed > 0 {
			w.SpeedSource = spate.SpeedFromDriver
		}
		if got != w {
			t.Errorf("got  %+v\nwant %+v", got, w)
		}
	}
}

func TestTypesAreIANAs(t *testing.T) {
	known := map[string]bool{}
	for n := 1; n < 310; n++ {
		known[mibs.IfTypeName(n)] = true
	}
	kinds := strings.Fields("bridge bond team vlan macsec ppp wwan veth dummy tun vxlan wireguard vrf unheard-of")
	var links []host.Link
	for i, k := range kinds {
		links = append(links, host.Link{Index: i + 1, Name: k, Kind: k})
	}
	for i, hardware := range []int{1, 24, 32, 256, 512, 768, 769, 772, 776, 778, 801, 802, 803, 823, 65534, 1234} {
		links = append(links, host.Link{Index: 100 + i, Name: "hw", Hardware: hardware})
	}
	rounds, _ := run(t, 1, func(int) ([]host.Link, error) { return links, nil })
	for _, r := range rounds[0].Readings {
		if !known[r.Port.Type] {
			t.Errorf("%s has type %q, which IANA does not have", r.Port.ID.Name, r.Port.Type)
		}
	}
}

func TestAPortIsNotMadeAnewWithoutACause(t *testing.T) {
	rounds, _ := run(t, 3, func(n int) ([]host.Link, error) {
		l := eth0(10 * uint64(n))
		if n == 3 {
			l.Alias = "moved"
		}
		return []host.Link{l}, nil
	})
	first, second, third := rounds[0].Readings[0].Port, rounds[1].Readings[0].Port, rounds[2].Readings[0].Port
	if first != second || second == third || second.Alias == "moved" {
		t.Errorf("ports %p %p %p: want the first two to be one, which the third leaves as it is", first, second, third)
	}
}

func TestTheMachineDescribesItself(t *testing.T) {
	rounds, _ := run(t, 1, func(int) ([]host.Link, error) { return nil, nil })
	got := rounds[0].System
	if got.Name != "web-17" || !strings.HasPrefix(got.Descr, `Debian "12", Linux 6.1.0 (`) || got.Uptime.Truncate(time.Second) != 9200*time.Second {
		t.Errorf("%+v", got)
	}
	if d := rounds[0].Device; d.Name != "web-17" || d.Address != "localhost" {
		t.Errorf("%+v", d)
	}
}

func FuzzDeviceNameIsOneTheConfigTakes(f *testing.F) {
	for _, s := range []string{"web-17.example.net", "", ".", "-x", "__", "Büro", "a b", strings.Repeat("x", 100), "192.0.2.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, hostname string) {
		name := host.DeviceName(hostname)
		if name == "" || len(name) > 63 || !utf8.ValidString(name) {
			t.Fatalf("DeviceName(%q) = %q", hostname, name)
		}
		for i, c := range []byte(name) {
			letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
			if !letter && (i == 0 || c != '-' && c != '_') {
				t.Fatalf("DeviceName(%q) = %q", hostname, name)
			}
		}
		if label, _, _ := strings.Cut(hostname, "."); host.DeviceName(label) != name {
			t.Errorf("DeviceName(%q) = %q, the first label alone gives %q", hostname, name, host.DeviceName(label))
		}
	})
}
