// Package victoria starts a real VictoriaMetrics for tests.
package victoria

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// A Server is a VictoriaMetrics single node on a loopback port, with a folder
// that outlives its stops.
type Server struct {
	URL string // http://127.0.0.1:port, without a slash at the end

	t       testing.TB
	program string
	address string
	folder  string
	flags   []string
	cmd     *exec.Cmd
	said    bytes.Buffer
}

// Start starts a server with more flags, which the test ends. The test is skipped where there is
// no program: it is $SPATE_VICTORIAMETRICS, else bin/victoria-metrics of this
// module as `make victoria-metrics` builds it, else victoria-metrics of the PATH.
func Start(t testing.TB, flags ...string) *Server {
	t.Helper()
	program := find()
	if program == "" {
		t.Skip("no VictoriaMetrics: run make victoria-metrics, or set SPATE_VICTORIAMETRICS to the program")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, program: program, address: l.Addr().String(), folder: t.TempDir(), flags: flags}
	s.URL = "http://" + s.address
	l.Close()
	t.Cleanup(s.Stop)
	s.Start()
	return s
}

func find() string {
	if p := os.Getenv("SPATE_VICTORIAMETRICS"); p != "" {
		return p
	}
	dir, err := os.Getwd()
	for err == nil {
		if _, e := os.Stat(filepath.Join(dir, "go.mod")); e == nil {
			if p := filepath.Join(dir, "bin", "victoria-metrics"); executable(p) {
				return p
			}
			break
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	p, err := exec.LookPath("victoria-metrics")
	if err != nil {
		return ""
	}
	return p
}

func executable(path string) bool {
	about, err := os.Stat(path)
	return err == nil && about.Mode()&0o111 != 0
}

// Start starts a stopped server at the same address, over the same folder.
func (s *Server) Start() {
	s.t.Helper()
	s.cmd = exec.Command(s.program, slices.Concat([]string{"-httpListenAddr=" + s.address, "-storageDataPath=" + s.folder, "-retentionPeriod=100y",
		"-memory.allowedBytes=64MB", "-loggerLevel=ERROR", "-search.disableCache", "-storage.minFreeDiskSpaceBytes=1"}, s.flags)...)
	s.cmd.Stdout, s.cmd.Stderr = &s.said, &s.said
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start %s: %v", s.program, err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-tick.C {
		if resp, err := http.Get(s.URL + "/health"); err == nil {
			resp.Body.Close()
			return
		}
	}
	s.t.Fatalf("%s does not listen at %s after 30 s: %s", s.program, s.address, &s.said)
}

// Stop ends the server, which brings what it holds to its folder.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait() // a server ended by a signal says so
	s.cmd = nil
}

// Flush makes all that was written findable, which else takes a second.
func (s *Server) Flush() error {
	resp, err := http.Get(s.URL + "/internal/force_flush")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		return fmt.Errorf("flush %s: %s", s.URL, resp.Status)
	}
	return nil
}

// CPU is the processor time that the server has used.
func (s *Server) CPU() time.Duration {
	s.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	var user, system int64
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+2:])
	_, err1 := fmt.Sscan(string(fields[11]), &user)
	_, err2 := fmt.Sscan(string(fields[12]), &system)
	if err1 != nil || err2 != nil {
		s.t.Fatalf("processor time of the server: %v %v", err1, err2)
	}
	return time.Duration(user+system) * time.Second / 100 // USER_HZ is 100 on Linux
}
