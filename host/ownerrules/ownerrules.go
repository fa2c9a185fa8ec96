// Package ownerrules reads what iptables rules with `-m owner --uid-owner` have
// counted, as many web hosts have had for years. It changes no rule. It is the one
// place of the agent that starts another program: iptables-save, with one fixed
// command line and no shell.
package ownerrules

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A Count is what the rules of one user have seen: octets and packets of layer 3.
type Count struct{ Octets, Packets uint64 }

const (
	patience  = 5 * time.Second
	mostRead  = 64 << 20 // octets of rules
	mostLine  = 1 << 20
	mostRules = 200_000 // with an owner
)

// Save asks the kernel for its IPv4 and IPv6 rules, which needs root, and adds up
// both.
func Save(ctx context.Context) (map[uint32]Count, error) {
	sum := map[uint32]Count{}
	var last error
	asked := 0
	for _, program := range [...]string{"iptables-save", "ip6tables-save"} {
		list, err := save(ctx, program)
		if err != nil {
			last = err
			continue
		}
		asked++
		for uid, c := range list {
			sum[uid] = Count{sum[uid].Octets + c.Octets, sum[uid].Packets + c.Packets}
		}
	}
	if asked == 0 {
		return nil, last
	}
	return sum, nil
}

func save(ctx context.Context, program string) (map[uint32]Count, error) {
	ctx, end := context.WithTimeout(ctx, patience)
	defer end()
	path, err := find(program)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, "-c")
	cmd.Env = []string{"LC_ALL=C"}
	var out, said limited
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		if line, _, _ := strings.Cut(said.String(), "\n"); line != "" {
			return nil, fmt.Errorf("%s -c: %s", program, line)
		}
		return nil, fmt.Errorf("%s -c: %w", program, err)
	}
	return Parse(&out.Buffer)
}

// find does not go by PATH alone: the folders of system programs are seldom in a
// user's.
func find(program string) (string, error) {
	for _, dir := range [...]string{"/usr/sbin/", "/sbin/", "/usr/bin/"} {
		if path, err := exec.LookPath(dir + program); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed", program)
}

// limited keeps so much and no more.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > mostRead {
		return 0, errors.New("more than 64 MiB of rules")
	}
	return l.Buffer.Write(p)
}

// rule is what makes two rules count the same packets: all but the target.
type rule struct {
	uid     uint32
	matches string // besides the owner; "" none
}

// Parse reads the output of iptables-save -c. A packet often passes two rules of its
// user that differ in their target only (LOG, then ACCEPT): of such the larger
// counts. A rule with no match but the user has seen all its packets, and then the
// narrower ones are left out; else these are added up. Rules of user ranges and
// negated ones tell no user.
func Parse(r io.Reader) (map[uint32]Count, error) {
	rules := map[rule]Count{}
	lines := bufio.NewScanner(io.LimitReader(r, mostRead))
	lines.Buffer(nil, mostLine)
	table := ""
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "*") {
			table = line
			continue
		}
		key, c, ok := parse(line)
		if !ok {
			continue
		}
		key.matches = strings.TrimSpace(key.matches)
		if old, known := rules[place(table, key)]; !known && len(rules) >= mostRules {
			continue
		} else if !known || c.Octets > old.Octets {
			rules[place(table, key)] = c
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read iptables rules: %w", err)
	}
	return add(rules), nil
}

// place keeps tables apart while rules are compared; a packet passes several tables.
func place(table string, r rule) rule {
	return rule{r.uid, table + "\x00" + r.matches}
}

// add makes one figure a user of its rules.
func add(rules map[rule]Count) map[uint32]Count {
	type tableOf struct {
		uid   uint32
		table string
	}
	whole, parts := map[tableOf]Count{}, map[tableOf]Count{}
	for r, c := range rules {
		table, matches, _ := strings.Cut(r.matches, "\x00")
		at := tableOf{r.uid, table}
		if matches == "" {
			whole[at] = c
			continue
		}
		parts[at] = Count{parts[at].Octets + c.Octets, parts[at].Packets + c.Packets}
	}
	out := map[uint32]Count{}
	keep := func(at tableOf, c Count) {
		if old := out[at.uid]; c.Octets > old.Octets || c.Packets > old.Packets {
			out[at.uid] = c
		}
	}
	for at, c := range whole {
		keep(at, c)
	}
	for at, c := range parts {
		if _, known := whole[at]; !known {
			keep(at, c)
		}
	}
	for r := range rules {
		if _, known := out[r.uid]; !known {
			out[r.uid] = Count{} // a rule that has seen nothing is known all the same
		}
	}
	return out
}

// parse reads "[packets:octets] -A CHAIN … -m owner --uid-owner N … -j TARGET …".
func parse(line string) (r rule, c Count, ok bool) {
	counters, rest, found := strings.Cut(strings.TrimPrefix(line, "["), "] -A ")
	if !found || !strings.HasPrefix(line, "[") {
		return r, c, false
	}
	packets, octets, found := strings.Cut(counters, ":")
	if !found {
		return r, c, false
	}
	var err1, err2 error
	c.Packets, err1 = strconv.ParseUint(packets, 10, 64)
	c.Octets, err2 = strconv.ParseUint(octets, 10, 64)
	if err1 != nil || err2 != nil {
		return r, c, false
	}
	words := strings.Fields(rest)
	var kept []string
	for i := 1; i < len(words); i++ { // words[0] is the chain
		switch w := words[i]; {
		case w == "-j" || w == "-g":
			r.matches = strings.Join(kept, " ")
			return r, c, ok
		case w == "-m" && i+1 < len(words) && (words[i+1] == "owner" || words[i+1] == "comment"):
			i++
		case w == "--comment" && i+1 < len(words):
			i++ // quoted where it has blanks
			for quoted := strings.HasPrefix(words[i], `"`); quoted && i+1 < len(words) && (!strings.HasSuffix(words[i], `"`) || words[i] == `"`); {
				i++
			}
		case w == "--uid-owner" && i+1 < len(words):
			if words[i-1] == "!" {
				return r, c, false
			}
			i++
			uid, err := strconv.ParseUint(words[i], 10, 32)
			if err != nil || uid == math.MaxUint32 {
				return r, c, false
			}
			r.uid, ok = uint32(uid), true
		default:
			kept = append(kept, w)
		}
	}
	r.matches = strings.Join(kept, " ")
	return r, c, ok
}
