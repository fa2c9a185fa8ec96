package host_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spate"
	"spate/host"
	"spate/mibs"
)

func someUsers() (host.Exposed, error) {
	return host.Exposed{Backend: "ebpf", Others: host.UserCount{Name: "(other)", Octets: 7, Packets: 8}, Users: []host.UserCount{
		{UID: 1043, Name: "shop43", Octets: 1 << 40, Packets: 6},
		{UID: 1042, Name: "shop42", Octets: 5, Packets: 2},
		{UID: 4294967295, Name: "(beyond the table)", Octets: 18446744073709551615, Packets: 1},
	}}, nil
}

func TestWhatSnmpdAsks(t *testing.T) {
	name, octets := string(mibs.AgentUserName), string(mibs.AgentUserOctets)
	tests := []struct{ name, asks, want string }{
		{"is it there", "PING\n", "PONG\n"},
		{"one cell", "get\n" + octets + ".1043\n", octets + ".1043\ncounter64\n1099511627776\n"},
		{"no such user", "get\n" + octets + ".1044\n", "NONE\n"},
		{"the first", "getnext\n" + string(mibs.AgentUsers) + "\n", name + ".1042\nstring\nshop42\n"},
		{"the next by number, not by letters", "getnext\n" + name + ".999\n", name + ".1042\nstring\nshop42\n"},
		{"from column to column", "getnext\n" + name + ".4294967295\n", octets + ".1042\ncounter64\n5\n"},
		{"the greatest counter", "get\n" + octets + ".4294967295\n", octets + ".4294967295\ncounter64\n18446744073709551615\n"},
		{"the others", "get\n" + string(mibs.AgentOtherOctets) + "\n", string(mibs.AgentOtherOctets) + "\ncounter64\n7\n"},
		{"behind the last", "getnext\n" + string(mibs.AgentOtherPackets) + "\n", "NONE\n"},
		{"nothing is written", "set\n" + name + ".1042\nstring \"root\"\nPING\n", "not-writable\nPONG\n"},
		{"no OID", "get\n1.3.x\nget\n\n", "NONE\nNONE\n"},
		{"no command", "dump\nPING\n", "NONE\nPONG\n"},
		{"an empty line ends it", "\nPING\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := host.PassPersist(strings.NewReader(tt.asks), &out, someUsers); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("a walk has every cell once", func(t *testing.T) {
		n := 0
		for at := string(mibs.AgentUsers); n < 100; n++ {
			var out bytes.Buffer
			if err := host.PassPersist(strings.NewReader("getnext\n"+at+"\n"), &out, someUsers); err != nil {
				t.Fatal(err)
			}
			oid, _, more := strings.Cut(out.String(), "\n")
			if oid == "NONE" || !more {
				break
			}
			at = oid
		}
		if n != 3*3+3 {
			t.Errorf("%d cells, want 12", n)
		}
	})
	t.Run("an agent that is away", func(t *testing.T) {
		var out bytes.Buffer
		away := func() (host.Exposed, error) { return host.Exposed{}, errors.New("away") }
		if err := host.PassPersist(strings.NewReader("getnext\n"+name+"\nPING\n"), &out, away); err != nil || out.String() != "NONE\nPONG\n" {
			t.Errorf("%v, %q", err, out.String())
		}
	})
	t.Run("a line without end", func(t *testing.T) {
		if err := host.PassPersist(strings.NewReader("get\n"+strings.Repeat("1.", 1<<20)), &bytes.Buffer{}, someUsers); err == nil {
			t.Error("it is read")
		}
	})
}

// What the agent writes for Prometheus is what pass_persist reads.
func TestWhatIsExposedIsRead(t *testing.T) {
	text := "# TYPE spate_agent_info gauge\nspate_agent_info{host=\"web-17\",backend=\"ebpf\"} 1\nspate_agent_if_in_octets_total{ifName=\"eth0\"} 9\n" +
		"spate_agent_user_tx_octets_total{uid=\"1042\",user=\"a\\\"b\\\\c\"} 18446744073709551615\nspate_agent_user_tx_octets_total{uid=\"\",user=\"(other)\"} 3\n" +
		"spate_agent_user_tx_packets_total{uid=\"1042\",user=\"a\\\"b\\\\c\"} 4\nspate_agent_user_tx_packets_total{uid=\"\",user=\"(other)\"} 2\n"
	got, err := host.ReadExposed(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := host.Exposed{Backend: "ebpf", Users: []host.UserCount{{UID: 1042, Name: `a"b\c`, Octets: 1<<64 - 1, Packets: 4}}, Others: host.UserCount{Name: "(other)", Octets: 3, Packets: 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// FuzzPassPersist: whatever is asked and whatever the agent's port says, each answer is
// one that snmpd understands, and what comes next stands behind what was asked.
func FuzzPassPersist(f *testing.F) {
	exposed := "spate_agent_info{backend=\"ebpf\"} 1\nspate_agent_user_tx_octets_total{uid=\"1\",user=\"a\\nb\"} 5\n"
	for _, asks := range []string{"PING\n", "get\n.1.3\n", "getnext\n.1.3.6.1.4.1.8072.9999.9999.1\nget\n.1.3.6.1.4.1.8072.9999.9999.1.1.1.2.1\n", "set\n.1\ns x\n\n", "getnext\n.4294967296\n", "getnext\n-1\n"} {
		f.Add(asks, exposed)
	}
	f.Add("getnext\n.1\n", "spate_agent_info{backend=\"\\\n} 1\nspate_agent_user_tx_packets_total{uid=\"1\",user=\"NONE\"} -1\n{{=\"\"")
	f.Fuzz(func(t *testing.T, asks, exposed string) {
		if len(asks) > 4096 {
			t.Skip("each answer is held against all that was asked")
		}
		e, err := host.ReadExposed(strings.NewReader(exposed))
		if len(e.Users) > 512 || e.Backend != spate.Clean(e.Backend) {
			t.Fatalf("%d users, backend %q", len(e.Users), e.Backend)
		}
		var out bytes.Buffer
		_ = host.PassPersist(strings.NewReader(asks), &out, func() (host.Exposed, error) { return e, err })
		var asked []string
		lines := bufio.NewScanner(strings.NewReader(asks))
		for lines.Scan() {
			asked = append(asked, strings.TrimSpace(lines.Text()))
		}
		answers := strings.SplitAfter(out.String(), "\n")
		answers = answers[:len(answers)-1] // all end with a newline
		if out.Len() > 0 && !strings.HasSuffix(out.String(), "\n") {
			t.Fatalf("%q", out.String())
		}
		for len(answers) > 0 {
			switch a := strings.TrimSuffix(answers[0], "\n"); {
			case a == "PONG" || a == "NONE" || a == "not-writable":
				answers = answers[1:]
			case strings.HasPrefix(a, string(mibs.AgentUsers)+"."):
				if len(answers) < 3 {
					t.Fatalf("%q", answers)
				}
				checkCell(t, asked, a, strings.TrimSuffix(answers[1], "\n"), strings.TrimSuffix(answers[2], "\n"))
				answers = answers[3:]
			default:
				t.Fatalf("%q of %q", a, out.String())
			}
		}
	})
}

func checkCell(t *testing.T, asked []string, oid, kind, value string) {
	t.Helper()
	switch kind {
	case "counter64":
		if _, err := strconv.ParseUint(value, 10, 64); err != nil {
			t.Fatalf("%s is %q", oid, value)
		}
	case "string":
		if value != spate.Clean(value) {
			t.Fatalf("%s is %q", oid, value)
		}
	default:
		t.Fatalf("%s is of type %q", oid, kind)
	}
	// Something was asked that this answers: the cell itself, or one before it.
	if !slices.ContainsFunc(asked, func(a string) bool { return mibs.Compare(mibs.OID(a), mibs.OID(oid)) <= 0 }) {
		t.Fatalf("%s answers none of %s", oid, fmt.Sprintf("%q", asked))
	}
}
