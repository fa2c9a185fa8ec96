package main

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"spate/host"
)

const (
	manyUsers = 4000
	firstUser = 100_000
)

// sendAsMany is another process of a test: a packet of each of many users in turn, until
// it is killed.
func sendAsMany(to string) {
	runtime.LockOSThread() // a user is the thread's
	most := unix.Rlimit{Cur: 2 * manyUsers, Max: 2 * manyUsers}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &most); err != nil {
		panic(err)
	}
	var sockets [manyUsers]int
	for i := range sockets {
		_, _, _ = unix.RawSyscall(unix.SYS_SETFSUID, uintptr(firstUser+i), 0, 0) // it answers the user before
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
		if err != nil {
			panic(err)
		}
		sockets[i] = fd
	}
	peer := &unix.SockaddrInet4{Addr: [4]byte(net.ParseIP(to).To4()), Port: 9}
	for ; ; time.Sleep(300 * time.Millisecond) {
		for i, fd := range sockets {
			_ = unix.Sendto(fd, make([]byte, 100+i%1000), 0, peer)
		}
	}
}

// inNamespace runs do in a thread of a network namespace.
func inNamespace(t *testing.T, name string, do func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this function
		f, err := os.Open("/var/run/netns/" + name)
		if err == nil {
			defer f.Close()
			if err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err == nil {
				err = do()
			}
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// A takings is what a server has taken of an agent.
type takings struct {
	mu     sync.Mutex
	pushes int
	newest *host.Snapshot
}

func (k *takings) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	zip, err := gzip.NewReader(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	err = host.ReadReport(bufio.NewReader(zip), func(*host.Header) error { return nil }, func(s *host.Snapshot) { k.newest = s })
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	k.pushes++
	fmt.Fprint(w, "{}")
}

func (k *takings) seen() (pushes int, newest *host.Snapshot) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.pushes, k.newest
}

// What the agent itself takes of a server with four thousand users who all send: less
// than half a percent of a core at pushes every ten seconds, and less than 20 MB.
func TestWhatAnAgentTakes(t *testing.T) {
	if raced {
		t.Skip("what the agent takes is not to be told under the race detector")
	}
	for _, backend := range []string{"ebpf", "nftables"} {
		t.Run(backend, func(t *testing.T) {
			l := newVethLab(t)
			for _, args := range [][]string{{"-n", l.far, "link", "set", "lo", "up"}, {"-n", l.far, "neigh", "add", l.nearData, "lladdr", "02:00:00:00:00:99", "dev", "data0", "nud", "permanent"}} {
				if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
					t.Fatalf("ip %v: %v: %s", args, err, out)
				}
			}
			took := &takings{}
			server := httptest.NewUnstartedServer(took)
			_ = server.Listener.Close()
			inNamespace(t, l.far, func() (err error) { server.Listener, err = net.Listen("tcp", "127.0.0.1:0"); return err })
			server.Start()
			t.Cleanup(server.Close)
			pid := agentOfMany(t, l, backend, server.URL)

			until(t, "all users are counted", func() bool {
				_, s := took.seen()
				return s != nil && packets(s) >= 3*manyUsers
			})
			first, _ := took.seen()
			before := usedBy(t, pid)
			var resident []int
			for pushes := first; pushes < first+8; pushes, _ = took.seen() {
				resident = append(resident, residentOf(t, pid)>>10)
				time.Sleep(20 * time.Millisecond)
			}
			last, s := took.seen()
			each := (usedBy(t, pid) - before) / time.Duration(last-first)
			slices.Sort(resident)
			middle, most := resident[len(resident)/2], resident[len(resident)-1]
			t.Logf("%s: %v of a core a push, %.2f %% at one in ten seconds; %d kB resident, %d at most (%d looks)", backend, each, 100*each.Seconds()/10, middle, most, len(resident))
			if each > 50*time.Millisecond {
				t.Errorf("a push takes %v", each)
			}
			if middle > 28_000 { // at a push a second; what is not given back makes it 44,000
				t.Errorf("%d kB are resident", middle)
			}
			if len(s.Users) < 50 || len(s.Users) > 256 || s.Error != "" {
				t.Errorf("%d users are named, %q", len(s.Users), s.Error)
			}
		})
	}
}

// packets are those of the users of a snapshot, named or not.
func packets(s *host.Snapshot) uint64 {
	n := s.Others.Packets
	for i := range s.Users {
		n += s.Users[i].Packets
	}
	return n
}

// agentOfMany starts the agent, and in its network namespace the users.
func agentOfMany(t *testing.T, l *vethLab, backend, url string) (pid int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("spate")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	token, file := filepath.Join(dir, "token"), filepath.Join(dir, "agent.toml")
	text := fmt.Sprintf("[agent]\nurl = %q\ntoken_file = %q\nspool = %q\nbackend = %q\ninterval = \"1s\"\n", url, token, filepath.Join(dir, "spool"), backend)
	for name, content := range map[string]string{token: agentText, file: text} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	said := &output{}
	start := func(env string, args ...string) int {
		cmd := exec.Command("nsenter", append([]string{"--net=/var/run/netns/" + l.far}, args...)...)
		cmd.Env = append(os.Environ(), env)
		cmd.Stdout, cmd.Stderr = said, said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		return cmd.Process.Pid // nsenter becomes what it starts
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("agent and users said:\n%s", said)
		}
	})
	start("SPATE_TEST_MANY="+l.nearData, self)
	return start("", program, "agent", "-config", file)
}

// usedBy is the time of all threads of a process on a CPU (/proc/PID/task/*/schedstat, in
// ns; /proc/PID/stat knows hundredths of a second).
func usedBy(t *testing.T, pid int) (used time.Duration) {
	t.Helper()
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // the thread has ended
		}
		first, _, _ := strings.Cut(string(b), " ")
		ns, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		used += time.Duration(ns)
	}
	if used == 0 {
		t.Fatal("the agent has ended, or has no schedstat")
	}
	return used
}

// residentOf is VmRSS of a process, in octets.
func residentOf(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	figure, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kB, err := strconv.Atoi(figure)
	if err != nil {
		t.Fatalf("no VmRSS: %s", b)
	}
	return kB << 10
}
