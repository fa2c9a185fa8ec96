package host_test

import (
	"context"
	"log/slog"
	"math"
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"spate"
	"spate/host"
)

const (
	frames    = 1000
	frameSize = 900
)

// A known number of frames through a veth pair in a network namespace of its
// own is what the rates say, to the frame.
func TestRatesOfAVethPairAreExact(t *testing.T) {
	enterNamespace(t)
	ip(t, "link", "add", "va", "type", "veth", "peer", "name", "vb")
	for _, name := range []string{"va", "vb"} {
		ip(t, "link", "set", name, "addrgenmode", "none", "alias", "end "+name, "up")
	}
	waitUp(t, "va", "vb")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var rounds []*spate.Round
	sink := sinkFunc(func(r *spate.Round) {
		switch rounds = append(rounds, r); len(rounds) {
		case 1:
			send(t, "va")
		case 2:
			ip(t, "link", "del", "va")
			ip(t, "link", "add", "va", "type", "veth", "peer", "name", "vb")
		case 3:
			cancel()
		}
	})
	cfg := host.Config{Enabled: true, Interval: 300 * time.Millisecond}
	reader := host.NewFrom(cfg, "x", host.KernelSource(), os.DirFS("/"), slog.New(slog.DiscardHandler))
	_ = reader.Run(ctx, sink) // in this thread: the namespace is the thread's

	if rounds[1].Err != nil || len(rounds[1].Readings) != 3 {
		t.Fatalf("%v, %d links, want lo, va and vb", rounds[1].Err, len(rounds[1].Readings))
	}
	for _, r := range rounds[1].Readings {
		p := r.Port
		seconds := r.Rate.Over.Seconds()
		in, out := r.Rate.Values[spate.InPps]*seconds, r.Rate.Values[spate.OutPps]*seconds
		inOctets, outOctets := r.Rate.Values[spate.InBps]*seconds/8, r.Rate.Values[spate.OutBps]*seconds/8
		var want [4]float64
		switch p.ID.Name {
		case "va":
			want = [4]float64{0, frames, 0, frames * frameSize}
		case "vb":
			want = [4]float64{frames, 0, frames * frameSize, 0}
		}
		for i, got := range [4]float64{in, out, inOctets, outOctets} {
			if math.Abs(got-want[i]) > 1e-3 {
				t.Errorf("%s: packets in and out, octets in and out: [%d] is %g, want %g", p.ID.Name, i, got, want[i])
			}
		}
		if p.ID.Name != "lo" && (p.Type != "propVirtual" || p.Alias != "end "+p.ID.Name || p.SpeedSource != spate.SpeedUnknown || p.Admin != spate.StatusUp || p.MAC == "") {
			t.Errorf("port %+v", *p)
		}
		if p.ID.Name == "lo" && (p.Type != "softwareLoopback" || p.Admin != spate.StatusDown) {
			t.Errorf("port %+v", *p)
		}
	}
	for _, r := range rounds[2].Readings {
		if fresh := r.Port.ID.Name != "lo"; fresh != (r.Rate.Over == 0) || r.Gap != "" {
			t.Errorf("%s after the pair was made anew: rate over %s, gap %q", r.Port.ID.Name, r.Rate.Over, r.Gap)
		}
	}
}

type sinkFunc func(r *spate.Round)

func (f sinkFunc) Accept(_ context.Context, r *spate.Round) { f(r) }

// enterNamespace moves this test's thread into a network namespace of its own;
// the thread ends with the test, and the namespace with it.
func enterNamespace(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs ip (package iproute2) to make links")
	}
	runtime.LockOSThread() // never unlocked: the thread must not be used again
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("cannot make a network namespace here: %v", err)
	}
}

func ip(t testing.TB, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %v: %v: %s", args, err, out)
	}
}

// waitUp waits for the kernel to have noticed the carrier: before that it drops
// what is sent.
func waitUp(t testing.TB, names ...string) {
	t.Helper()
	source := host.KernelSource()
	defer source.Close()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		links, err := source.Links()
		if err != nil {
			t.Fatal(err)
		}
		up := 0
		for _, l := range links {
			if l.Oper == 6 {
				up++
			}
		}
		if up == len(names) {
			return
		}
		select {
		case <-t.Context().Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatalf("%v did not come up", names)
}

// send puts frames of an unused EtherType on a link.
func send(t *testing.T, link string) {
	t.Helper()
	itf, err := net.InterfaceByName(link)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	frame := make([]byte, frameSize)
	copy(frame, []byte{2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8, 0x88, 0xb5}) // IEEE 802 local experimental
	for range frames {
		if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: itf.Index}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestThisMachineCanBeRead(t *testing.T) {
	source := host.KernelSource()
	defer source.Close()
	links, err := source.Links()
	if err != nil {
		t.Skipf("no netlink here: %v", err)
	}
	own, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	byIndex := map[int]string{}
	for _, l := range links {
		byIndex[l.Index] = l.Name
	}
	for _, i := range own {
		if byIndex[i.Index] != i.Name {
			t.Errorf("link %d is %q, want %q", i.Index, byIndex[i.Index], i.Name)
		}
	}
}
