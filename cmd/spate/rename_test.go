package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"spate"
	"spate/detect"
	"spate/storage"
	"spate/web"
)

// asked runs a command against a running server.
func (s *serving) asked(t *testing.T, args ...string) (said string, code int) {
	t.Helper()
	cmd := exec.Command("spate", args...)
	cmd.Env = append(cmd.Environ(), "SPATE_URL="+s.url)
	out, _ := cmd.CombinedOutput()
	return string(out), cmd.ProcessState.ExitCode()
}

// status asks for a path and gives the status of the answer.
func (s *serving) status(t *testing.T, path string) int {
	t.Helper()
	res, err := http.Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// within are the values of a device's first port between two times that are past.
func (s *serving) within(t *testing.T, device string, from, to time.Time) string {
	t.Helper()
	q := url.Values{"device": {device}, "port": {"Gi1/0/1"}, "metrics": {"in_bps"}, "width": {"600"}, "from": {fmt.Sprint(from.Unix())}, "to": {fmt.Sprint(to.Unix())}}
	var got struct {
		Series map[string]struct{ Avg []*float64 }
	}
	s.get(t, "/api/v1/series?"+q.Encode(), &got)
	var b strings.Builder
	for _, v := range got.Series["in_bps"].Avg {
		if v == nil {
			b.WriteString("- ")
		} else {
			fmt.Fprint(&b, *v, " ")
		}
	}
	return b.String()
}

func TestARenamedDeviceKeepsItsHistory(t *testing.T) {
	folder, agent, other := t.TempDir(), agentUDP(t, "sw-1"), agentUDP(t, "sw-2")
	begin := time.Now().Truncate(time.Second)
	s := startServe(t, everySecond(folder, agent))
	until(t, "six seconds of history", func() bool { return s.rated(t, "sw-1") && count(s.known(t, "sw-1", begin, time.Now())) >= 6 })

	for _, tt := range []struct{ from, to, says string }{
		{"sw-9", "sw-acc-1", `no device "sw-9": GET /api/v1/devices lists`},
		{"sw-1", "sw acc", "is no name of a device"},
		{"sw-1", "sw-1", "wanted another"},
	} {
		if said, code := s.asked(t, "rename", tt.from, tt.to); code != 1 || !strings.Contains(said, tt.says) {
			t.Errorf("rename %s %s: exit %d, %s", tt.from, tt.to, code, said)
		}
	}

	// Told first: the history is under both names until the config says so too.
	said, code := s.asked(t, "rename", "sw-1", "sw-acc-1")
	if code != 0 || !strings.Contains(said, "sw-1 will be sw-acc-1, with its history, once the config says so") {
		t.Fatalf("exit %d: %s", code, said)
	}
	end := time.Now().Truncate(time.Second)
	until(t, "later seconds, so that those until then are over", func() bool { return count(s.known(t, "sw-1", end, time.Now())) >= 4 })
	want := s.within(t, "sw-1", begin, end)
	if got := s.within(t, "sw-acc-1", begin, end); got != want || !strings.ContainsAny(want, "123456789") {
		t.Errorf("while it waits: %s, want %s", got, want)
	}
	renamed := strings.Replace(everySecond(folder, agent), "sw-1", "sw-acc-1", 1)
	s.reload(t, renamed)
	until(t, "a rate under the new name", func() bool { return s.rated(t, "sw-acc-1") })
	look := func(when string) {
		t.Helper()
		if got := s.within(t, "sw-acc-1", begin, end); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
		q := url.Values{"device": {"sw-1"}, "port": {"Gi1/0/1"}, "from": {fmt.Sprint(begin.Unix())}}
		if got := s.status(t, "/api/v1/series?"+q.Encode()); got != http.StatusNotFound {
			t.Errorf("%s: the old name is answered with %d", when, got)
		}
	}
	look("after the reload")
	if said, code = s.asked(t, "rename", "sw-1", "sw-x"); code != 1 || !strings.Contains(said, "it is called sw-acc-1 since") {
		t.Errorf("renamed again: exit %d, %s", code, said)
	}

	// Killed without warning, and with another device under the old name from then on.
	_ = s.cmd.Process.Signal(syscall.SIGKILL)
	_ = s.cmd.Wait()
	s = startServe(t, renamed+fmt.Sprintf("[[device]]\nname = \"sw-1\"\naddress = %q\n", other))
	until(t, "a rate of the other device", func() bool { return s.rated(t, "sw-1") })
	if got := s.within(t, "sw-acc-1", begin, end); got != want {
		t.Errorf("after a kill: %s, want %s", got, want)
	}
	if got := s.within(t, "sw-1", begin, end); strings.Trim(got, "- ") != "" {
		t.Errorf("the device that took the old name has a past: %s", got)
	}
	if said, code = s.asked(t, "rename", "sw-1", "sw-acc-1"); code != 1 || !strings.Contains(said, "they are two devices") {
		t.Errorf("two devices: exit %d, %s", code, said)
	}

	// The config first: what both names have is joined.
	again := strings.ReplaceAll(renamed, "sw-acc-1", "sw-b")
	s.reload(t, again)
	until(t, "three seconds under a third name", func() bool { return s.rated(t, "sw-b") && count(s.known(t, "sw-b", begin, time.Now())) >= 3 })
	if said, code = s.asked(t, "-json", "rename", "sw-acc-1", "sw-b"); code != 0 || !strings.Contains(said, `"state":"done"`) {
		t.Fatalf("exit %d: %s", code, said)
	}
	if got := s.within(t, "sw-b", begin, end); got != want {
		t.Errorf("joined: %s, want %s", got, want)
	}
	if n := count(s.known(t, "sw-b", end, time.Now())); n < 3 {
		t.Errorf("%d seconds of its own are left", n)
	}
	s.stop(t)
	s = startServe(t, again)
	if got := s.within(t, "sw-b", begin, end); got != want {
		t.Errorf("after a stop: %s, want %s", got, want)
	}
}

func TestANewNameWaitsForTheRightConfig(t *testing.T) {
	w := storage.Renaming{From: "a", To: "b", Address: "192.0.2.1"}
	dev := func(name, address string) spate.Device { return spate.Device{Name: name, Address: address} }
	for name, tt := range map[string]struct {
		devices []spate.Device
		want    ripeness
	}{
		"nothing has changed":             {[]spate.Device{dev("a", "192.0.2.1")}, ripeNot},
		"changed":                         {[]spate.Device{dev("b", "192.0.2.1")}, ripeYes},
		"changed, at another address":     {[]spate.Device{dev("b", "192.0.2.2")}, ripeYes},
		"removed":                         {nil, ripeYes},
		"both, at the same address":       {[]spate.Device{dev("a", "192.0.2.1"), dev("b", "192.0.2.1")}, ripeNot},
		"another device has the old name": {[]spate.Device{dev("a", "192.0.2.2"), dev("b", "192.0.2.1")}, ripeYes},
		"another device has the new name": {[]spate.Device{dev("a", "192.0.2.1"), dev("b", "192.0.2.2")}, ripeNever},
	} {
		if got := ripe(w, tt.devices); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

func TestANameOfAnotherDeviceIsRefused(t *testing.T) {
	at := func(day int) time.Time { return time.Date(2026, 3, day, 0, 0, 0, 0, time.UTC) }
	record := func(name, address string, first, last int) storage.DeviceRecord {
		return storage.DeviceRecord{Device: spate.Device{Name: name, Address: address}, FirstSeen: at(first), LastSeen: at(last)}
	}
	k := &namesKnown{
		configured: map[string]spate.Device{"here": {Name: "here", Address: "192.0.2.1"}, "twin": {Name: "twin", Address: "192.0.2.1"}, "elder": {Name: "elder", Address: "192.0.2.2"}, "heir": {Name: "heir", Address: "192.0.2.4"}},
		records: map[string]storage.DeviceRecord{"here": record("here", "192.0.2.1", 1, 20), "elder": record("elder", "192.0.2.2", 1, 20), "heir": record("heir", "192.0.2.4", 11, 20),
			"gone": record("gone", "192.0.2.3", 1, 10), "lost": record("lost", "192.0.2.9", 1, 5)},
	}
	for name, tt := range map[string]struct {
		from, to string
		refused  bool
	}{
		"a new name":                       {"here", "fresh", false},
		"two names of one device":          {"here", "twin", false},
		"two devices":                      {"here", "elder", true},
		"a removed device's name":          {"here", "lost", true},
		"removed, and its successor":       {"gone", "heir", false},
		"removed, and one that was beside": {"gone", "elder", true},
	} {
		err := k.refuse(tt.from, tt.to)
		if _, is := err.(web.Conflict); is != tt.refused || !is && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A kill after the names were changed and before the file of baselines was: the next start
// reads what is usual of the old name as that of the new.
func TestBaselinesCatchUpWithANewName(t *testing.T) {
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	state, err := storage.OpenState(filepath.Join(dir, stateFile), log)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	path := filepath.Join(dir, snapshotFile)
	first := &watch{baselines: detect.New(detect.Config{}), state: state, path: path, log: log}
	id := spate.PortID{Device: "sw-old", Name: "Gi1/0/1"}
	first.baselines.Judge(&spate.Round{Device: spate.Device{Name: "sw-old"}, At: time.Now(), Interval: 10 * time.Second,
		Readings: []spate.Reading{{Port: &spate.Port{ID: id}, Rate: spate.Rate{At: time.Now(), Over: 10 * time.Second}}}})
	if err := first.save(); err != nil {
		t.Fatal(err)
	}
	if err := state.Rename("sw-old", "sw-new", time.Now()); err != nil {
		t.Fatal(err)
	}
	next := &watch{baselines: detect.New(detect.Config{}), state: state, path: path, log: log}
	if err := next.load(); err != nil {
		t.Fatal(err)
	}
	if err := next.save(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(b, []byte("sw-new")) || bytes.Contains(b, []byte("sw-old")) {
		t.Errorf("the file has the old name: %v, %v", bytes.Contains(b, []byte("sw-old")), err)
	}
	if r, err := state.Renamings(); err != nil || len(r.Undone) != 0 {
		t.Errorf("still to be done: %+v, %v", r, err)
	}
}
