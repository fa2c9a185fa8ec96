package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// old is an old web host, as its new user would try it: iptables rules that have
// counted each account for years, a LOG rule, a timer that saves the counters, syslog
// that goes to Spate, and an agent without any right. Graphs appear, and log lines speak.
func (h *hosting) old(t *testing.T) {
	for _, program := range []string{"iptables", "iptables-save", "setpriv"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	h.inside(t, "iptables", "-A", "OUTPUT", "-m", "owner", "--uid-owner", "1042", "-m", "limit", "--limit", "20/second", "-j", "LOG", "--log-uid", "--log-prefix", "acct ")
	for _, uid := range []string{"1042", "1043"} {
		h.inside(t, "iptables", "-A", "OUTPUT", "-m", "owner", "--uid-owner", uid)
	}
	before := h.inside(t, "iptables", "-S")
	place, err := os.MkdirTemp("", "spate-old-host")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(place) })
	h.everybodys(t, place)
	counters := filepath.Join(place, "counters")
	stop := h.timer(t, counters)
	defer stop()
	h.forwardLog(t)
	h.agentOf(t, place, counters)
	until(t, "the users of the rules are known", func() bool { return h.users(t)["1043"] > 0 })
	h.user(t, 1042, 20000)
	until(t, "the incident names the user by the rules", func() bool {
		in := h.open(t)
		return in != nil && len(in.Users) > 0 && in.Users[0].UID == 1042 && in.Users[0].Share > 0.95
	})
	until(t, "the kernel's log speaks", func() bool {
		in := h.open(t)
		for i := 0; in != nil && i < len(in.Evidence); i++ {
			if e := in.Evidence[i]; e.Kind == "kernel_log" && strings.Contains(e.Text, "by uid 1042") && strings.Contains(e.Text, h.hostManagement+" UDP/9") {
				t.Log(e.Text)
				return true
			}
		}
		return false
	})
	t.Log(h.open(t).Summary)
	if svg := string(h.read(t, "/api/v1/graph.svg?device=web-17&port=user+1042&from=-5m")); strings.Contains(svg, "no data") {
		t.Error("there is no graph of the user")
	}
	if page := string(h.read(t, "/devices/web-17/users")); !strings.Contains(page, "from a file") || !strings.Contains(page, "only users with an iptables rule") {
		t.Error("the page does not say how users are counted, and what that misses")
	}
	if after := h.inside(t, "iptables", "-S"); after != before {
		t.Errorf("the rules are others now:\n%s", after)
	}
}

// inside runs a program on the web server, as root.
func (h *hosting) inside(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command("ip", append([]string{"netns", "exec", h.far, name}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
	return string(out)
}

// everybodys makes a folder with the agent, its config and its token, all of which
// belong to nobody.
func (h *hosting) everybodys(t *testing.T, place string) {
	t.Helper()
	program, err := exec.LookPath("spate")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("[agent]\nurl = %q\nplain_http = true\ntoken_file = %q\ncounter_files = [%q]\ninterval = \"1s\"\nhost = \"web-17\"\n", h.server.url, filepath.Join(place, "token"), filepath.Join(place, "counters"))
	for name, content := range map[string]string{"spate": string(text), "agent.toml": config, "token": agentText} {
		if err := os.WriteFile(filepath.Join(place, name), []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(filepath.Join(place, name), nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(place, nobody, nobody); err != nil {
		t.Fatal(err)
	}
}

const nobody = 65534

// timer saves the rules' counters each second, as root's crontab or a unit would.
func (h *hosting) timer(t *testing.T, file string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if out, err := exec.Command("ip", "netns", "exec", h.far, "iptables-save", "-c").Output(); err == nil {
				_ = os.WriteFile(file+".new", out, 0o644)
				_ = os.Rename(file+".new", file)
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}()
	until(t, "the counters are saved", func() bool { _, err := os.Stat(file); return err == nil })
	return func() { cancel(); <-done }
}

// agentOf runs the agent as nobody, without capabilities.
func (h *hosting) agentOf(t *testing.T, place, counters string) {
	t.Helper()
	said := &output{}
	cmd := exec.Command("nsenter", "--net=/var/run/netns/"+h.far, "setpriv", "--reuid", strconv.Itoa(nobody), "--regid", strconv.Itoa(nobody), "--clear-groups", "--bounding-set=-all", "--inh-caps=-all",
		filepath.Join(place, "spate"), "agent", "-config", filepath.Join(place, "agent.toml"))
	cmd.Stderr, cmd.Stdout = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("spate agent said:\n%s", said)
		}
	})
}

// forwardLog sends what the kernel logs to Spate's syslog, as rsyslog does. Lines of
// other namespaces are logged only where the kernel is told so.
func (h *hosting) forwardLog(t *testing.T) {
	t.Helper()
	const all = "/proc/sys/net/netfilter/nf_log_all_netns"
	was, err := os.ReadFile(all)
	if err != nil {
		t.Skipf("the kernel logs nothing of other namespaces: %v", err)
	}
	if err := os.WriteFile(all, []byte("1"), 0o644); err != nil {
		t.Skipf("the kernel logs nothing of other namespaces: %v", err)
	}
	t.Cleanup(func() { _ = os.WriteFile(all, was, 0o644) })
	kmsg, err := os.Open("/dev/kmsg")
	if err != nil {
		t.Skipf("the kernel's log cannot be read: %v", err)
	}
	if _, err := kmsg.Seek(0, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("udp", net.JoinHostPort(h.hostManagement, strconv.Itoa(h.syslog)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kmsg.Close(); _ = conn.Close() })
	go func() {
		buf := make([]byte, 8192)
		for {
			n, err := kmsg.Read(buf)
			if err != nil {
				return
			}
			if _, text, ok := strings.Cut(string(buf[:n]), ";"); ok {
				text, _, _ = strings.Cut(text, "\n")
				_, _ = io.WriteString(conn, "<4>"+time.Now().Format(time.Stamp)+" web-17 kernel: "+text)
			}
		}
	}()
}
