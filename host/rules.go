package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"spate/host/ownerrules"
)

// rules counts by iptables rules that somebody has made, and changes none.
type rules struct {
	name string
	read func() (map[uint32]ownerrules.Count, error)
}

// newRules asks iptables-save, which needs root.
func newRules() (Counter, error) {
	r := &rules{name: "iptables", read: func() (map[uint32]ownerrules.Count, error) { return ownerrules.Save(context.Background()) }}
	return r.tried("iptables")
}

// newRulesFile reads files that somebody else writes, such as a timer that runs
// "iptables-save -c > FILE": no root is needed.
func newRulesFile(files []string) (Counter, error) {
	r := &rules{name: "file", read: func() (map[uint32]ownerrules.Count, error) { return readRules(files) }}
	return r.tried(strings.Join(files, ", "))
}

// tried takes a way of counting only where it counts somebody.
func (r *rules) tried(what string) (Counter, error) {
	counts, err := r.read()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errBackend, what, err)
	}
	if len(counts) == 0 {
		return nil, fmt.Errorf("%w: %s: no rule with -m owner --uid-owner counts a user", errBackend, what)
	}
	return r, nil
}

// staleRules is how old a file of counters may be before it says nothing.
const staleRules = 10 * time.Minute

func readRules(files []string) (map[uint32]ownerrules.Count, error) {
	sum := map[uint32]ownerrules.Count{}
	for _, file := range files {
		counts, err := readRulesOf(file)
		if err != nil {
			return nil, err
		}
		for uid, c := range counts {
			sum[uid] = ownerrules.Count{Octets: sum[uid].Octets + c.Octets, Packets: sum[uid].Packets + c.Packets}
		}
	}
	return sum, nil
}

func readRulesOf(file string) (map[uint32]ownerrules.Count, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if age := time.Since(info.ModTime()); age > staleRules {
		return nil, fmt.Errorf("%s is %s old: does what writes it still run? wanted iptables-save -c > %s each 10 seconds", file, age.Round(time.Second), file)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", file)
	}
	return ownerrules.Parse(io.Reader(f))
}

// Name implements Counter.
func (r *rules) Name() string { return r.name }

// Doubt implements Doubt.
func (*rules) Doubt() string {
	return "only users with an iptables rule of their own are counted, and nothing that is sent after a program has closed its socket"
}

// Users implements Counter.
func (r *rules) Users(users map[uint32]Tally) error {
	counts, err := r.read()
	for uid, c := range counts {
		users[uid] = Tally(c)
	}
	return err
}

// Flows implements Counter: rules know no destinations.
func (*rules) Flows(map[Flow]Tally) error { return nil }

// Watch implements Counter.
func (*rules) Watch(bool) error { return nil }

// Close implements Counter: nothing was made.
func (*rules) Close() error { return nil }

// Backends are the values of agent.backend.
var Backends = []string{"auto", "ebpf", "nftables", "iptables", "file", "none"}

// choose takes the first way of counting that this machine allows, and says why not
// the ones before. A nil Counter: only interfaces.
func choose(backend string, files []string) (c Counter, why string, err error) {
	open := map[string]func() (Counter, error){
		"ebpf": newSKB, "nftables": newNFT, "iptables": newRules,
		"file": func() (Counter, error) { return newRulesFile(files) },
	}
	order := []string{"ebpf", "nftables", "iptables"}
	switch {
	case backend == "none":
		return nil, "", nil
	case len(files) > 0 && backend == "auto":
		order = []string{"file"} // somebody has said where the counters are
	case backend != "auto":
		order = []string{backend}
	}
	var reasons []string
	for _, name := range order {
		c, err := open[name]()
		if err == nil {
			return c, strings.Join(reasons, "; "), nil
		}
		reasons = append(reasons, strings.TrimPrefix(err.Error(), errBackend.Error()+": "))
	}
	if backend != "auto" {
		return nil, "", errors.New(strings.Join(reasons, "; "))
	}
	return nil, strings.Join(reasons, "; "), nil
}
