package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spate/host"
)

// anHour is readings of each ten seconds.
const anHour = 360

// awayFor makes the readings that a machine kept while its server was away, the last of
// a moment ago. What each user sent in an interval is another amount, and nothing in the
// first and the last minute; counted is the sum, as an interface counts it.
func awayFor(readings, users int, end time.Time) (lines []host.Snapshot, counted []uint64) {
	const boot, run = "99999999-1111-2222-3333-444444444444", "9999999999999999"
	counted = make([]uint64, users)
	octets, packets := make([]uint64, users), make([]uint64, users)
	for i := range readings {
		at := end.Add(-time.Duration(readings-1-i) * 10 * time.Second)
		s := host.Snapshot{At: at.UnixMilli(), Up: int64(i+1) * 10_000, Boot: boot, Run: run, IntervalS: 10, Others: host.UserCount{Name: "(other)"}}
		out := uint64(0)
		for u := range users {
			// Packets of 1,236 octets, 1,250 with Ethernet's header: ten of them are 10 kb/s
			// for ten seconds, which is a whole number of bits in whichever slot they fall.
			if n := uint64(10 * ((7*i+13*u)%101 + 1)); i > 6 && i < readings-6 {
				packets[u] += n
				octets[u] += 1236 * n
				counted[u] += 1250 * n
			}
			out += octets[u] + 14*packets[u]
			s.Users = append(s.Users, host.UserCount{UID: uint32(1000 + u), Name: fmt.Sprintf("customer%02d", u), Octets: octets[u], Packets: packets[u]})
		}
		s.Interfaces = []host.Interface{{Name: "eth0", Index: 2, Type: "ethernetCsmacd", SpeedBps: 1e9, Admin: "up", Oper: "up", MAC: "02:00:00:00:00:17", Counters: map[string]uint64{"out_octets": out, "in_octets": 0}}}
		lines = append(lines, s)
	}
	return lines, counted
}

// octetsOf adds up what is stored of a port, and counts the slots in the middle of
// which nothing is known.
func (s *serving) octetsOf(t *testing.T, device, port string, from, to time.Time) (octets float64, gaps int) {
	t.Helper()
	var got struct {
		StepS  float64 `json:"step_s"`
		Series map[string]struct{ Avg []*float64 }
	}
	q := url.Values{"device": {device}, "port": {port}, "metrics": {"out_bps"}, "width": {"1000"}, "from": {fmt.Sprint(from.Unix())}, "to": {fmt.Sprint(to.Unix())}}
	text := s.as(t, readerText, "/api/v1/series?"+q.Encode())
	if text == nil {
		return 0, 0 // not there yet
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.StepS != 10 {
		t.Fatalf("steps of %g s", got.StepS)
	}
	v := got.Series["out_bps"].Avg
	for i := firstKnown(v); i <= lastKnown(v) && i < len(v); i++ {
		if v[i] == nil {
			gaps++
			continue
		}
		octets += *v[i] * got.StepS / 8
	}
	return octets, gaps
}

// The server was away for an hour, and the machine was started anew: the agent finds in
// its spool what it read, and the store has every octet of it in the end.
func TestAnHourAwayLosesNoInterval(t *testing.T) {
	t.Parallel()
	server := pushing(t, 1)
	dir := t.TempDir()
	end := time.Now().Truncate(10 * time.Second)
	lines, counted := awayFor(anHour+1, 3, end)
	var spool bytes.Buffer
	for i := range lines {
		if err := json.NewEncoder(&spool).Encode(lines[i]); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"snapshots.jsonl": spool.String(), "token": machineToken(0),
		"agent.toml": fmt.Sprintf("[agent]\nurl = %q\ntoken_file = %q\nspool = %q\nbackend = \"none\"\n", server.url, filepath.Join(dir, "token"), dir),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	said := &output{}
	agent := exec.Command("spate", "agent", "-config", filepath.Join(dir, "agent.toml"))
	agent.Stderr = said
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = agent.Process.Kill()
		_ = agent.Wait()
		if t.Failed() {
			t.Logf("spate agent said:\n%s", said)
		}
	}()
	from := end.Add(-anHour*10*time.Second - time.Minute)
	for u, want := range counted {
		port := fmt.Sprintf("user customer%02d", u)
		got := 0.0
		until(t, port+" is stored", func() bool {
			var gaps int
			got, gaps = server.octetsOf(t, machineName(0), port, from, end.Add(time.Minute))
			return gaps == 0 && got >= float64(want)
		})
		if got != float64(want) {
			t.Errorf("%s: %.1f octets are stored, %d were counted", port, got, want)
		}
	}
}

// pushLines sends readings as an agent does that kept them.
func pushLines(address string, machine int, lines []host.Snapshot) (answer host.Answer, status int, err error) {
	now := time.Now()
	head := host.Header{Version: host.Protocol, Host: machineName(machine), Boot: "77777777-1111", Run: "7777777777777777", At: now.UnixMilli(), Up: 1000, IntervalS: 10, Backend: "ebpf"}
	var body bytes.Buffer
	zip := gzip.NewWriter(&body)
	out := json.NewEncoder(zip)
	if err := out.Encode(head); err != nil {
		return answer, 0, err
	}
	for i := range lines {
		if err := out.Encode(lines[i]); err != nil {
			return answer, 0, err
		}
	}
	if err := zip.Close(); err != nil {
		return answer, 0, err
	}
	req, err := http.NewRequest(http.MethodPost, address+"/api/v1/agent", &body)
	if err != nil {
		return answer, 0, err
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("Content-Encoding", "gzip")
	req.Header.Set("Authorization", "Bearer "+machineToken(machine))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer, 0, err
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusTooManyRequests && res.Header.Get("Retry-After") == "" {
		return answer, 0, errors.New("429 without Retry-After")
	}
	return answer, res.StatusCode, json.NewDecoder(res.Body).Decode(&answer)
}

// Two dozen machines come back at once with an hour each, more than the store's queue
// holds many times over. Some are told to come later, and nothing is lost.
func TestManyComeBackAtOnceAndNothingIsLost(t *testing.T) {
	t.Parallel()
	const machines, users = 24, 8
	server := pushing(t, machines)
	end := time.Now().Truncate(10 * time.Second)
	lines, counted := awayFor(anHour+1, users, end)
	before := residentOf(t, server.cmd.Process.Pid)
	var all sync.WaitGroup
	var later, lost atomic.Int32
	for m := range machines {
		all.Go(func() {
			for limit := time.Now().Add(2 * time.Minute); time.Now().Before(limit); time.Sleep(50 * time.Millisecond) { // an agent would wait longer
				answer, status, err := pushLines(server.url, m, lines)
				switch {
				case status == http.StatusOK && answer.Taken == anHour+1 && err == nil:
					return
				case status == http.StatusOK || status != 0 && status != http.StatusTooManyRequests:
					t.Errorf("machine %d: %d %+v %v", m, status, answer, err)
					return
				}
				later.Add(1)
			}
			lost.Add(1)
		})
	}
	all.Wait()
	grown := residentOf(t, server.cmd.Process.Pid) - before
	t.Logf("%d pushes were told to come later; %d MiB more in memory", later.Load(), grown>>20)
	if lost.Load() > 0 || later.Load() == 0 {
		t.Errorf("%d machines were never taken, %d pushes told to come later", lost.Load(), later.Load())
	}
	if grown > 1<<30 {
		t.Errorf("it takes %d MiB more", grown>>20)
	}
	from := end.Add(-anHour*10*time.Second - time.Minute)
	for _, m := range []int{0, machines / 2, machines - 1} {
		until(t, machineName(m)+" is stored", func() bool {
			got, gaps := server.octetsOf(t, machineName(m), fmt.Sprintf("user customer%02d", m%users), from, end.Add(time.Minute))
			return gaps == 0 && math.Abs(got-float64(counted[m%users])) < 0.5
		})
	}
	scanner := bufio.NewScanner(bytes.NewReader(server.as(t, readerText, "/metrics")))
	for scanner.Scan() {
		if line := scanner.Text(); strings.HasPrefix(line, `spate_queue_dropped_total{queue="store"}`) && !strings.HasSuffix(line, " 0") {
			t.Errorf("rounds are lost: %s", line)
		}
	}
}
