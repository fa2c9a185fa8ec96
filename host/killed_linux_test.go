package host_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"spate/host"
)

// countUntilKilled is a test's own binary in place of spate agent.
func countUntilKilled(backend string) error {
	cfg := host.DefaultAgentConfig()
	cfg.Backend, cfg.Interval = backend, time.Second
	agent, err := host.NewAgent(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	fmt.Println("counting")
	for {
		agent.Read()
	}
}

// An agent that is killed at any moment, while it starts or while it reads, leaves no
// table, no program and no map in the kernel, and each packet sent meanwhile leaves.
func TestKilledAtAnyMoment(t *testing.T) {
	needs(t, "nft")
	for _, backend := range []string{"ebpf", "nftables"} {
		t.Run(backend, func(t *testing.T) {
			twoEnds(t)
			fd := quietPeer(t)
			// No reports of IPv6's multicast groups among the packets that are counted.
			if err := os.WriteFile("/proc/sys/net/ipv6/conf/va/disable_ipv6", []byte("1"), 0); err != nil {
				t.Fatal(err)
			}
			rules := command(t, "nft", "list ruleset")
			known := inKernel(t)
			before, packets, counting := sent(t, "va").Packets, uint64(0), 0
			var starts []time.Duration
			for i := range 30 {
				began, said := time.Now(), make(chan bool, 1)
				cmd := agentToKill(t, backend, said)
				var moment <-chan time.Time
				if i%2 == 1 { // while it starts
					moment = time.After(time.Duration(rand.Int64N(int64(median(starts)))))
				}
				for alive := true; alive; packets++ {
					if _, err := unix.Write(fd, make([]byte, packetSize)); err != nil {
						t.Fatal(err)
					}
					select {
					case ok := <-said:
						if !ok {
							t.Fatal("the agent ended by itself")
						}
						counting++
						if i%2 == 0 { // while it reads
							starts = append(starts, time.Since(began))
							moment = time.After(time.Duration(rand.Int64N(int64(20 * time.Millisecond))))
						}
					case <-moment:
						alive = false
					default:
					}
				}
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			}
			t.Logf("30 killed, %d of them while they counted; %d packets", counting, packets)
			if now := sent(t, "va").Packets - before; now != packets {
				t.Errorf("%d packets left by va, %d were sent", now, packets)
			}
			waitFor(t, func() bool { return command(t, "nft", "list ruleset") == rules })
			waitFor(t, func() bool { return len(leftBehind(t, known)) == 0 })
			if left := leftBehind(t, known); len(left) > 0 {
				t.Errorf("in the kernel, and nobody's: %v", left)
			}
		})
	}
}

// agentToKill starts it; said tells when it counts, or false when it has ended before.
func agentToKill(t *testing.T, backend string, said chan<- bool) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env, cmd.Stderr = []string{"SPATE_TEST_AGENT=" + backend}, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		b := make([]byte, 16)
		n, _ := out.Read(b)
		said <- n > 0
	}()
	return cmd
}

// inKernel are the programs and maps of Spate's that the kernel holds.
func inKernel(t *testing.T) (out []string) {
	t.Helper()
	for id := ebpf.ProgramID(0); ; {
		var err error
		if id, err = ebpf.ProgramGetNextID(id); err != nil {
			break
		}
		if p, err := ebpf.NewProgramFromID(id); err == nil {
			if info, err := p.Info(); err == nil && strings.HasPrefix(info.Name, "spate_") {
				out = append(out, fmt.Sprintf("prog_id %d", id))
			}
			_ = p.Close()
		}
	}
	for id := ebpf.MapID(0); ; {
		var err error
		if id, err = ebpf.MapGetNextID(id); err != nil {
			return out
		}
		if m, err := ebpf.NewMapFromID(id); err == nil {
			if info, err := m.Info(); err == nil && strings.HasPrefix(info.Name, "spate_") {
				out = append(out, fmt.Sprintf("map_id %d", id))
			}
			_ = m.Close()
		}
	}
}

// leftBehind are those that came since and that no process holds: other agents may run.
func leftBehind(t *testing.T, known []string) (out []string) {
	t.Helper()
	now := inKernel(t)
	held := map[string]bool{}
	files, _ := filepath.Glob("/proc/[0-9]*/fdinfo/*")
	for _, f := range files {
		b, _ := os.ReadFile(f)
		for line := range strings.Lines(string(b)) {
			if what, id, ok := strings.Cut(line, ":"); ok && strings.HasSuffix(what, "_id") {
				held[what+" "+strings.TrimSpace(id)] = true
			}
		}
	}
	for _, what := range now {
		if !held[what] && !slices.Contains(known, what) {
			out = append(out, what)
		}
	}
	return out
}
