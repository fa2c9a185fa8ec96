package host_test

import (
	"cmp"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"spate/host"
)

const (
	manyUsers   = 4000
	linearRules = 200
	inARow      = 4000 // packets
	packetSize  = 200
)

// A way is one way of counting, which is put into the kernel and taken out again.
type way struct {
	name string
	in   func() (out func())
}

// ways are those that this machine allows; the first counts nothing.
func ways(t testing.TB) []way {
	counter := func(open func() (host.Counter, error), watch bool) func() func() {
		return func() func() {
			c, err := open()
			if err == nil {
				err = c.Watch(watch)
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.Name() == "ebpf" { // the table is not that of one user alone
				for i := range uint32(manyUsers) {
					if err := host.SetSent(c, 100_000+i, host.Tally{Octets: 1, Packets: 1}); err != nil {
						t.Fatal(err)
					}
				}
			}
			return func() { _ = c.Close() }
		}
	}
	list := []way{
		{"none", func() func() { return func() {} }},
		{"ebpf", counter(host.NewSKB, false)},
		{"ebpf-destinations", counter(host.NewSKB, true)},
		{"nftables", counter(host.NewNFT, false)},
	}
	for _, kind := range []string{"legacy", "nft"} {
		restore := "iptables-" + kind + "-restore"
		if _, err := exec.LookPath(restore); err == nil {
			list = append(list, way{fmt.Sprintf("%d-rules-%s", linearRules, kind), func() func() {
				rules(t, restore, linearRules)
				return func() { rules(t, restore, 0) }
			}})
		}
	}
	return list
}

// rules has iptables count n users, the last of which is the one that sends.
func rules(t testing.TB, restore string, n int) {
	var b strings.Builder
	b.WriteString("*filter\n:OUTPUT ACCEPT [0:0]\n")
	for i := range n {
		fmt.Fprintf(&b, "-A OUTPUT -m owner --uid-owner %d\n", (n-1-i)*1000)
	}
	b.WriteString("COMMIT\n")
	cmd := exec.Command(restore)
	cmd.Stdin = strings.NewReader(b.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", restore, err, out)
	}
}

// quietPeer is a socket to a neighbour that nobody has: what is sent leaves by va, and
// the far end drops it unseen.
func quietPeer(t testing.TB) (fd int) {
	ip(t, "neigh", "add", "10.77.0.9", "lladdr", "02:00:00:00:00:99", "dev", "va", "nud", "permanent")
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: [4]byte{10, 77, 0, 9}, Port: 9}); err != nil {
		t.Fatal(err)
	}
	return fd
}

// burst sends packets in a row, and gives what one of them took of this thread's time:
// that of others on the machine is not in it.
func burst(t testing.TB, fd int) float64 {
	packet := make([]byte, packetSize)
	var from, to unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &from); err != nil {
		t.Fatal(err)
	}
	for range inARow {
		if _, err := unix.Write(fd, packet); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &to); err != nil {
		t.Fatal(err)
	}
	return float64(to.Nano()-from.Nano()) / inARow
}

// A prices is what a packet takes by each way, in ns, in each round; all ways have their
// turn in a round, in another order each time, so that what else the machine does falls on
// all of them, and none comes always after the same.
type prices map[string][]float64

func (p prices) round(t testing.TB, list []way, fd int) {
	for _, i := range rand.Perm(len(list)) {
		w := list[i]
		out := w.in()
		burst(t, fd) // the tables are warm, and the CPU is
		p[w.name] = append(p[w.name], burst(t, fd))
		out()
	}
}

// extra is what a way takes more than none, by the median of all rounds.
func (p prices) extra(name string) float64 {
	more := make([]float64, len(p[name]))
	for i := range more {
		more[i] = p[name][i] - p["none"][i]
	}
	return median(more)
}

func median[T cmp.Ordered](of []T) T {
	return slices.Sorted(slices.Values(of))[len(of)/2]
}

// What counting takes of each packet that is sent, beside what 200 rules of iptables
// take that are looked through one by one. A round is all ways, one after another.
func BenchmarkPacketSent(b *testing.B) {
	twoEnds(b)
	fd, list, took := quietPeer(b), ways(b), prices{}
	for b.Loop() {
		took.round(b, list, fd)
	}
	for _, w := range list {
		b.ReportMetric(median(took[w.name]), w.name+"-ns/packet")
		if w.name != "none" {
			b.ReportMetric(took.extra(w.name), w.name+"-extra-ns")
		}
	}
}

// Counting takes less of a packet than the rules it stands in for, however busy the
// machine is. The figure itself is the benchmark's to tell.
func TestCountingTakesLessThanRules(t *testing.T) {
	twoEnds(t)
	fd, list, took := quietPeer(t), ways(t), prices{}
	for range 15 {
		took.round(t, list, fd)
	}
	for _, w := range list {
		t.Logf("%-18s %5.0f ns a packet, %5.0f more than none", w.name, median(took[w.name]), took.extra(w.name))
	}
	for _, w := range list[4:] {
		for _, own := range list[1:4] {
			if took.extra(own.name) >= took.extra(w.name) {
				t.Errorf("%s takes %.0f ns a packet, %s %.0f", own.name, took.extra(own.name), w.name, took.extra(w.name))
			}
		}
	}
	if took.extra("ebpf") > 1000 {
		t.Errorf("eBPF takes %.0f ns a packet", took.extra("ebpf"))
	}
}

// One reading of a machine on which four thousand users have sent, all of them since
// the last one. At ten seconds, 50 ms are half a percent of a core.
func BenchmarkReadingOf4000Users(b *testing.B) {
	enterNamespace(b)
	cfg := host.DefaultAgentConfig()
	cfg.Backend = "ebpf"
	agent, err := host.NewAgent(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Skip(err)
	}
	defer agent.Close()
	sent := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		sent++
		for i := range uint32(manyUsers) {
			if err := host.SetSent(agent, 100_000+i, host.Tally{Octets: sent * uint64(1000+i), Packets: sent}); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		if s := agent.Read(); len(s.Users) < 50 || s.Error != "" {
			b.Fatalf("%d users, %q", len(s.Users), s.Error)
		}
	}
	b.ReportMetric(100*time.Duration(b.Elapsed()).Seconds()/float64(b.N)/cfg.Interval.Seconds(), "%core")
}
