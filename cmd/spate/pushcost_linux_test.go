package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spate/host"
)

const usersNamed = 50 // of each machine

// cpuOf is the processor time of a process so far, from /proc/PID/stat, fields 14 and
// 15 in ticks of 10 ms (proc_pid_stat(5)).
func cpuOf(t *testing.T, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		t.Fatalf("stat: %q", stat)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// A hostedMachine pushes what an agent on a hosting server would: three interfaces and
// fifty users who all send, by a connection of its own.
type hostedMachine struct {
	number int
	every  time.Duration
	head   host.Header
	last   host.Snapshot
	rates  [usersNamed]uint64 // packets in an interval
	client *http.Client
	random *rand.Rand
}

func machineName(n int) string  { return fmt.Sprintf("web-%04d", n) }
func machineToken(n int) string { return fmt.Sprintf("token-of-machine-%04d-0123456789", n) }

func newHostedMachine(n int, every time.Duration) *hostedMachine {
	m := &hostedMachine{number: n, every: every, random: rand.New(rand.NewPCG(uint64(n), 42)), client: &http.Client{Transport: &http.Transport{MaxIdleConns: 1}, Timeout: 10 * time.Second}}
	boot, run := fmt.Sprintf("%08x-1111-2222-3333-444444444444", n), fmt.Sprintf("%016x", n)
	m.head = host.Header{Version: host.Protocol, Host: machineName(n), Boot: boot, Run: run, IntervalS: every.Seconds(), Backend: "ebpf", System: "Debian GNU/Linux 13 (trixie), Linux 6.12.48", Release: "0.1.0"}
	m.last = host.Snapshot{Up: int64(n) * 3_600_000, Boot: boot, Run: run, IntervalS: every.Seconds(), Others: host.UserCount{Name: "(other)", Octets: 1 << 33, Packets: 1 << 23}}
	for i, name := range []string{"lo", "eth0", "eth1"} {
		kind, mac, ips := "ethernetCsmacd", fmt.Sprintf("02:00:00:%02x:%02x:%02x", i, n>>8, n&255), []string{fmt.Sprintf("10.%d.%d.%d", i, n>>8, n&255), fmt.Sprintf("2001:db8:%d::%x", i, n)}
		if i == 0 {
			kind, mac, ips = "softwareLoopback", "", nil
		}
		c := map[string]uint64{}
		for _, name := range []string{"in_octets", "out_octets", "in_ucast_pkts", "out_ucast_pkts", "in_mcast_pkts", "in_errors", "out_errors", "in_discards", "out_discards"} {
			c[name] = m.random.Uint64N(1 << 42)
		}
		m.last.Interfaces = append(m.last.Interfaces, host.Interface{Name: name, Index: i + 1, Type: kind, SpeedBps: 1e9, Admin: "up", Oper: "up", MAC: mac, IPs: ips, Counters: c})
	}
	for i := range m.rates {
		m.rates[i] = 10 + m.random.Uint64N(4000)
		m.last.Users = append(m.last.Users, host.UserCount{UID: uint32(10000 + i), Name: fmt.Sprintf("customer%03d", i), Octets: m.random.Uint64N(1 << 40), Packets: m.random.Uint64N(1 << 30)})
	}
	return m
}

// step lets an interval go by, in which nobody sends quite what was sent before.
func (m *hostedMachine) step(at time.Time) {
	m.last.At, m.last.Up = at.UnixMilli(), m.last.Up+m.every.Milliseconds()
	out, packets := uint64(0), uint64(0)
	for i := range m.last.Users {
		n := m.rates[i]/2 + m.random.Uint64N(m.rates[i])
		u := &m.last.Users[i]
		u.Packets += n
		u.Octets += n * (60 + m.random.Uint64N(1400))
		packets, out = packets+n, out+n*1200
	}
	for i := range m.last.Interfaces {
		c := m.last.Interfaces[i].Counters
		c["out_octets"] += out
		c["out_ucast_pkts"] += packets
		c["in_octets"] += out / 20
		c["in_ucast_pkts"] += packets / 2
		c["in_mcast_pkts"] += m.random.Uint64N(50)
	}
	m.head.At, m.head.Up = m.last.At, m.last.Up
}

// push sends the last reading, packed as agents do.
func (m *hostedMachine) push(url string) error {
	var body bytes.Buffer
	zip := gzip.NewWriter(&body)
	lines := json.NewEncoder(zip)
	if err := lines.Encode(m.head); err != nil {
		return err
	}
	if err := lines.Encode(m.last); err != nil {
		return err
	}
	if err := zip.Close(); err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, url+"/api/v1/agent", &body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("Content-Encoding", "gzip")
	req.Header.Set("User-Agent", "spate-agent")
	req.Header.Set("Authorization", "Bearer "+machineToken(m.number))
	res, err := m.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var answer host.Answer
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %w", res.Status, err)
	}
	_, _ = io.Copy(io.Discard, res.Body) // so that the connection stays
	if answer.Taken != 1 || answer.Note != "" {
		return fmt.Errorf("the answer is %+v", answer)
	}
	return nil
}

// pushing is the server of a measurement, with a token for each machine.
func pushing(t *testing.T, machines int) *serving {
	t.Helper()
	var config strings.Builder
	config.WriteString("[server]\nlisten = \"127.0.0.1:0\"\n[storage]\npath = \"data\"\n[poller]\ninterval = \"10s\"\n[host]\nenabled = false\n")
	token := func(name, role, text string) {
		sum := sha256.Sum256([]byte(text))
		fmt.Fprintf(&config, "[[token]]\nname = %q\nrole = %q\nsha256 = %q\n", name, role, hex.EncodeToString(sum[:]))
	}
	token("reader", "viewer", readerText)
	for n := range machines {
		token(machineName(n), "agent", machineToken(n))
	}
	return startServe(t, config.String())
}

// What a server costs that takes the pushes of a thousand machines, each of fifty users
// and three interfaces, every ten seconds. SPATE_LONG measures a minute of that after half
// a minute, in which the store meets each series for the first time, and five minutes after
// eleven, when it knows them in all tiers; else it is twenty-five machines each second. The
// bounds are such that only a mistake passes them.
func TestWhatPushesCost(t *testing.T) {
	type window struct{ from, rounds int }
	machines, every, windows, most := 25, time.Second, []window{{2, 3}}, 20*time.Millisecond
	if os.Getenv("SPATE_LONG") != "" {
		machines, every, windows, most = 1000, 10*time.Second, []window{{3, 6}, {66, 30}}, 5*time.Millisecond
	}
	server := pushing(t, machines)
	pid := server.cmd.Process.Pid
	var pushed, failed atomic.Int64
	var done atomic.Bool
	var first atomic.Pointer[error]
	var all sync.WaitGroup
	began := time.Now()
	spread := every / time.Duration(machines)
	for n := range machines {
		all.Go(func() {
			m := newHostedMachine(n, every)
			defer m.client.CloseIdleConnections()
			for round := 0; !done.Load(); round++ {
				due := began.Add(time.Duration(round)*every + time.Duration(n)*spread)
				time.Sleep(time.Until(due))
				m.step(due)
				if err := m.push(server.url); err != nil {
					failed.Add(1)
					first.CompareAndSwap(nil, &err)
					continue
				}
				pushed.Add(1)
			}
		})
	}
	for _, w := range windows {
		time.Sleep(time.Until(began.Add(time.Duration(w.from) * every)))
		before := cpuOf(t, pid)
		time.Sleep(time.Until(began.Add(time.Duration(w.from+w.rounds) * every)))
		used := cpuOf(t, pid) - before
		measured := time.Duration(w.rounds) * every
		each := used / time.Duration(machines*w.rounds)
		t.Logf("%d machines, each %v, after %v: %.2f s of processor in %v, %.2f %% of a core, %v a push, %d MiB resident", machines, every, time.Duration(w.from)*every, used.Seconds(), measured,
			100*used.Seconds()/measured.Seconds(), each.Round(time.Microsecond), residentOf(t, pid)>>20)
		if each > most {
			t.Errorf("a push costs %v, want at most %v", each, most)
		}
	}
	until(t, "all users of all machines are said to send", func() bool { return server.sendingUsers(t) == machines*usersNamed })
	done.Store(true)
	all.Wait()
	if n := failed.Load(); n > 0 {
		t.Errorf("%d of %d pushes failed, the first: %v", n, n+pushed.Load(), *first.Load())
	}
}

// sendingUsers is how many users of all machines send something now.
func (s *serving) sendingUsers(t *testing.T) (n int) {
	t.Helper()
	var got struct {
		Agents []struct {
			Users []struct {
				UID   *int64
				TxBps *float64 `json:"tx_bps"`
			}
		}
	}
	if err := json.Unmarshal(s.as(t, readerText, "/api/v1/agents"), &got); err != nil {
		t.Fatal(err)
	}
	for _, a := range got.Agents {
		for _, u := range a.Users {
			if u.UID != nil && u.TxBps != nil && *u.TxBps > 0 {
				n++
			}
		}
	}
	return n
}

// as asks with a token; nil: there is no such thing.
func (s *serving) as(t *testing.T, token, path string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if res.StatusCode == http.StatusNotFound {
		return nil
	}
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %v: %s", path, res.Status, err, b)
	}
	return b
}
