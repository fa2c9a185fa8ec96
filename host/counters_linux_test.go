package host_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"spate/host"
)

// TestMain lets the test's own binary be the program of another user that sends.
func TestMain(m *testing.M) {
	if work := os.Getenv("SPATE_TEST_SEND"); work != "" {
		uid, _ := strconv.Atoi(os.Getenv("SPATE_TEST_UID"))
		if err := syscall.Setuid(uid); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := sendAs(strings.Fields(work)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if backend := os.Getenv("SPATE_TEST_COUNT"); backend != "" {
		if err := sayWhatIsCounted(backend); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if backend := os.Getenv("SPATE_TEST_AGENT"); backend != "" {
		if err := countUntilKilled(backend); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// sendAs is "udp ADDRESS N SIZE" or "tcp ADDRESS OCTETS".
func sendAs(work []string) error {
	conn, err := net.Dial(work[0], work[1])
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(work[2])
	if work[0] == "tcp" {
		if _, err := conn.Write(make([]byte, n)); err != nil {
			return err
		}
		return conn.Close() // what is in the socket's buffer leaves later
	}
	size, _ := strconv.Atoi(work[3])
	packet := make([]byte, size)
	for range n {
		if _, err := conn.Write(packet); err != nil {
			time.Sleep(time.Millisecond)
			_, _ = conn.Write(packet)
		}
	}
	return conn.Close()
}

// as runs the work as a user.
func as(t testing.TB, uid uint32, work string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = []string{"SPATE_TEST_SEND=" + work, "SPATE_TEST_UID=" + strconv.Itoa(int(uid))}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("send as %d: %v: %s", uid, err, out)
	}
}

// twoEnds makes a veth pair whose far end vb, 10.77.0.2, is in a namespace of its own,
// so that what is sent to it leaves by va, 10.77.0.1.
func twoEnds(t testing.TB) {
	t.Helper()
	enterNamespace(t)
	far := exec.Command("unshare", "--net", "sleep", "300")
	if err := far.Start(); err != nil {
		t.Skipf("no second namespace: %v", err)
	}
	t.Cleanup(func() { _ = far.Process.Kill(); _ = far.Wait() })
	pid := strconv.Itoa(far.Process.Pid)
	own, _ := os.Readlink("/proc/thread-self/ns/net")
	for range 200 { // until unshare has done its work
		if ns, err := os.Readlink("/proc/" + pid + "/ns/net"); err == nil && ns != own {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	ip(t, "link", "add", "va", "type", "veth", "peer", "name", "vb", "netns", pid)
	ip(t, "addr", "add", "10.77.0.1/24", "dev", "va")
	ip(t, "addr", "add", "fd77::1/64", "dev", "va", "nodad")
	ip(t, "link", "set", "va", "addrgenmode", "none", "up")
	ip(t, "link", "set", "lo", "up")
	for _, args := range [][]string{{"addr", "add", "10.77.0.2/24", "dev", "vb"}, {"addr", "add", "fd77::2/64", "dev", "vb", "nodad"}, {"link", "set", "vb", "up"}} {
		cmd := exec.Command("nsenter", append([]string{"-t", pid, "-n", "ip"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v: %s", args, err, out)
		}
	}
	t.Setenv("SPATE_TEST_FAR", pid)
	waitUp(t, "va")
}

// sink listens in the far namespace and takes what comes, n octets of it.
func farSink(t *testing.T) (address string, received func() int64) {
	t.Helper()
	got := make(chan int64, 1)
	ready := make(chan string)
	go func() {
		defer close(ready)
		lockToNamespace(t, os.Getenv("SPATE_TEST_FAR"))
		l, err := net.Listen("tcp", "10.77.0.2:0")
		if err != nil {
			t.Error(err)
			return
		}
		ready <- l.Addr().String()
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		n, _ := io.Copy(io.Discard, c)
		c.Close()
		l.Close()
		got <- n
	}()
	return <-ready, func() int64 {
		select {
		case n := <-got:
			return n
		case <-time.After(20 * time.Second):
			t.Fatal("nothing came")
			return 0
		}
	}
}

// sent is what the kernel says the interface has sent, without Ethernet's headers.
func sent(t testing.TB, name string) host.Tally {
	t.Helper()
	read := func(what string) uint64 {
		b, err := exec.Command("ip", "-s", "-j", "link", "show", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := bytes.Cut(b, []byte(`"tx":{`))
		_, rest, _ = bytes.Cut(rest, []byte(`"`+what+`":`))
		n, err := strconv.ParseUint(string(rest[:bytes.IndexAny(rest, ",}")]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	packets := read("packets")
	return host.Tally{Octets: read("bytes") - 14*packets, Packets: packets}
}

// ownUID is the first of some users that no other test's traffic has: eBPF counts on
// the whole machine, whatever the network namespace.
func ownUID() uint32 { return 2_000_000 + 10*uint32(os.Getpid()) }

func counters(t *testing.T) map[string]func() (host.Counter, error) {
	return map[string]func() (host.Counter, error){"ebpf": host.NewSKB, "nftables": host.NewNFT}
}

// Ten thousand datagrams of one user and a few of two others, over IPv4 and IPv6, are
// counted to the octet, and what goes over lo is not.
func TestUsersAreCountedToTheOctet(t *testing.T) {
	user := ownUID()
	for name, open := range counters(t) {
		t.Run(name, func(t *testing.T) {
			twoEnds(t)
			c, err := open()
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			before := map[uint32]host.Tally{}
			if err := c.Users(before); err != nil {
				t.Fatal(err)
			}
			if err := c.Watch(true); err != nil {
				t.Fatal(err)
			}
			as(t, user, "udp 10.77.0.2:53 10000 1000")
			as(t, user+1, "udp 10.77.0.2:99 20 100")
			as(t, user+2, "udp [fd77::2]:53 30 200")
			as(t, user, "udp 127.0.0.1:53 500 1000")
			pings(t, 7)
			after, flows := map[uint32]host.Tally{}, map[host.Flow]host.Tally{}
			if err := c.Users(after); err != nil {
				t.Fatal(err)
			}
			if err := c.Flows(flows); err != nil {
				t.Fatal(err)
			}
			for uid, want := range map[uint32]host.Tally{user: {10000 * 1028, 10000}, user + 1: {20 * 128, 20}, user + 2: {30 * 248, 30}} {
				if got := (host.Tally{Octets: after[uid].Octets - before[uid].Octets, Packets: after[uid].Packets - before[uid].Packets}); got != want {
					t.Errorf("user %d sent %+v, want %+v", uid, got, want)
				}
			}
			for _, want := range []struct {
				uid  uint32
				dst  string
				port uint16
				host.Tally
			}{{user, "10.77.0.2", 53, host.Tally{10000 * 1028, 10000}}, {user + 1, "10.77.0.2", 99, host.Tally{20 * 128, 20}}, {user + 2, "fd77::2", 53, host.Tally{30 * 248, 30}}} {
				k := host.Flow{UID: want.uid, Protocol: 17, Dst: netip.MustParseAddr(want.dst), Port: want.port}
				if flows[k] != want.Tally {
					t.Errorf("%+v: %+v, want %+v", k, flows[k], want.Tally)
				}
			}
			ping := host.Flow{Protocol: 1, Dst: netip.MustParseAddr("10.77.0.2")}
			if want := (host.Tally{7 * 28, 7}); flows[ping] != want {
				t.Errorf("a protocol without ports: %+v, want %+v", flows[ping], want)
			}
			if err := c.Watch(false); err != nil {
				t.Fatal(err)
			}
			clear(flows)
			if err := c.Flows(flows); err != nil || len(flows) != 0 {
				t.Errorf("%d destinations are left, %v", len(flows), err)
			}
			if err := c.Watch(true); err != nil {
				t.Fatalf("watched again: %v", err)
			}
			as(t, user, "udp 10.77.0.2:53 10 100")
			if err := c.Flows(flows); err != nil || flows[host.Flow{UID: user, Protocol: 17, Dst: netip.MustParseAddr("10.77.0.2"), Port: 53}] != (host.Tally{10 * 128, 10}) {
				t.Errorf("watched again: %v, %v", flows, err)
			}
		})
	}
}

// pings sends so many ICMP packets of 28 octets as root.
func pings(t *testing.T, n int) {
	t.Helper()
	c, err := net.Dial("ip4:icmp", "10.77.0.2")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range n {
		if _, err := c.Write([]byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0}); err != nil {
			t.Fatal(err)
		}
	}
}

// What the kernel sends for a program that has already closed its socket, in segments
// that it cuts itself: eBPF counts what the wire sees, nftables says it does not.
func TestWhatIsSentAfterClose(t *testing.T) {
	user := ownUID()
	for name, open := range counters(t) {
		t.Run(name, func(t *testing.T) {
			twoEnds(t)
			c, err := open()
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			address, received := farSink(t)
			before := sent(t, "va")
			as(t, user, "tcp "+address+" 3000000")
			if n := received(); n != 3000000 {
				t.Fatalf("%d octets came", n)
			}
			time.Sleep(100 * time.Millisecond) // the last acknowledgements
			users := map[uint32]host.Tally{}
			if err := c.Users(users); err != nil {
				t.Fatal(err)
			}
			after := sent(t, "va")
			wire := float64(after.Octets - before.Octets)
			share := float64(users[user].Octets) / wire
			t.Logf("%s counted %.2f %% of %.0f octets, %d packets (the interface counts %d)", name, 100*share, wire, users[user].Packets, after.Packets-before.Packets)
			if name == "ebpf" && (share < 0.999 || share > 1.04) {
				t.Errorf("eBPF counted %.2f %%", 100*share)
			}
			if doubt, ok := c.(host.Doubt); (name == "nftables") != ok || ok && doubt.Doubt() == "" {
				t.Error("what is not counted is not said, or the other way round")
			}
			if name == "nftables" && share > 1.001 {
				t.Errorf("nftables counted more than was sent: %.2f %%", 100*share)
			}
		})
	}
}

// A counter that ends, by its own or by the kernel's hand, leaves nothing behind and
// a table of the same name that is somebody else's alone.
func TestNothingIsLeftBehind(t *testing.T) {
	needs(t, "nft")
	enterNamespace(t)
	command(t, "nft", "add table inet spate")
	command(t, "nft", "add chain inet spate mine { type filter hook output priority 0; }")
	before := command(t, "nft", "list ruleset")
	c, err := host.NewNFT()
	if err != nil {
		t.Fatal(err)
	}
	if during := command(t, "nft", "list ruleset"); !strings.Contains(during, "table inet spate2") || !strings.Contains(during, "flags owner") {
		t.Errorf("the rules while it counts:\n%s", during)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return command(t, "nft", "list ruleset") == before })
}

func command(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
	return string(out)
}

func needs(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed", p)
		}
	}
}

func waitFor(t testing.TB, ok func() bool) {
	t.Helper()
	for range 200 {
		if ok() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("waited 4 s in vain")
}

func lockToNamespace(t testing.TB, pid string) {
	f, err := os.Open("/proc/" + pid + "/ns/net")
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	runtime.LockOSThread() // never unlocked
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		t.Error(err)
	}
}

// The rules that an old web host has are read as they are, to the octet, and stay as
// they were.
func TestRulesThatAreThereAreRead(t *testing.T) {
	for _, kind := range []string{"nft", "legacy"} {
		t.Run(kind, func(t *testing.T) {
			tables := "iptables-" + kind
			needs(t, tables, tables+"-save", "iptables-save")
			twoEnds(t)
			command(t, tables, "-A", "OUTPUT", "-m", "owner", "--uid-owner", "1042", "-j", "LOG", "--log-uid")
			command(t, tables, "-A", "OUTPUT", "-m", "owner", "--uid-owner", "1042", "-j", "ACCEPT")
			command(t, tables, "-A", "OUTPUT", "-p", "udp", "-m", "owner", "--uid-owner", "1043", "-j", "ACCEPT")
			c, err := host.NewRules()
			if kind == "legacy" && err != nil { // iptables-save is that of nft here
				file := t.TempDir() + "/counters"
				save := func() {
					if err := os.WriteFile(file, []byte(command(t, tables+"-save", "-c")), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				save()
				if c, err = host.NewRulesFile([]string{file}); err == nil {
					defer func() { _ = c.Close() }()
				}
				as(t, 1042, "udp 10.77.0.2:53 1000 1000")
				as(t, 1043, "udp 10.77.0.2:99 20 100")
				save()
			} else if err == nil {
				as(t, 1042, "udp 10.77.0.2:53 1000 1000")
				as(t, 1043, "udp 10.77.0.2:99 20 100")
			}
			if err != nil {
				t.Fatal(err)
			}
			users := map[uint32]host.Tally{}
			if err := c.Users(users); err != nil {
				t.Fatal(err)
			}
			if users[1042] != (host.Tally{Octets: 1000 * 1028, Packets: 1000}) || users[1043] != (host.Tally{Octets: 20 * 128, Packets: 20}) || len(users) != 2 {
				t.Errorf("%+v", users)
			}
			if after := command(t, tables, "-S", "OUTPUT"); strings.Count(after, "-A OUTPUT") != 3 {
				t.Errorf("the rules are others now:\n%s", after)
			}
		})
	}
}
