package host_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spate/host"
)

// full is a snapshot in which everything is said.
func full() host.Snapshot {
	return host.Snapshot{At: 1_800_000_000_000, Up: 3_600_000, Boot: "11111111-2222", Run: "aaaaaaaaaaaaaaaa", IntervalS: 10, Error: "no CAP_BPF",
		Interfaces: []host.Interface{
			{Name: "eth0", Index: 2, Alias: "to räck 7", Type: "ethernetCsmacd", SpeedBps: 1e9, SpeedSet: true, Admin: "up", Oper: "up", MAC: "02:00:00:00:00:17", IPs: []string{"10.2.0.17", "2001:db8::17"}, Counters: map[string]uint64{"in_octets": 1<<64 - 1, "out_octets": 0}},
			{Name: "lo", Index: 1, Type: "softwareLoopback", HighLayer: true, SpeedBps: 2.5, Counters: map[string]uint64{}},
		},
		Users:  []host.UserCount{{UID: 33, Name: "www-data", Octets: 5, Packets: 1}, {UID: 1<<32 - 1, Name: "x", From: &[2]uint64{7, 8}}},
		Others: host.UserCount{Name: "(other)", Octets: 9, Packets: 2},
		Flows:  []host.FlowCount{{UID: 33, Protocol: 17, Dst: netip.MustParseAddr("2001:db8::9"), Port: 53, Octets: 1, Packets: 1}},
	}
}

func plainLine(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var sameAddress = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func TestLinesOfAgentsAreReadWithoutEncodingJSON(t *testing.T) {
	p := newPushing("web-17")
	for name, want := range map[string]host.Snapshot{"everything is said": full(), "nothing is said": {}, "two users": p.sends(10, map[uint32]float64{1: 1e6, 2: 1e6})} {
		got, ok := host.PlainSnapshot([]byte(plainLine(t, want)))
		if diff := cmp.Diff(want, got, sameAddress); !ok || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, ok, diff)
		}
	}
	p.head.System = "Debian GNU/Linux 13 (trixie), Linux 6.12"
	if got, ok := host.PlainHeader([]byte(plainLine(t, p.head))); !ok || got != p.head {
		t.Errorf("the header: %v %+v", ok, got)
	}
}

// What is written in another way is not guessed at: encoding/json reads it.
func TestOtherLinesAreLeftToEncodingJSON(t *testing.T) {
	for name, text := range map[string]string{
		"blanks": `{"at_ms": 1}`, "a key twice": `{"at_ms":1,"at_ms":2}`, "a key in capitals": `{"AT_MS":1}`, "a key of a later release": `{"at_ms":1,"cpu":2}`,
		"an escape": `{"error":"\u003c"}`, "no UTF-8": "{\"error\":\"\xff\"}", "a sign": `{"at_ms":-1}`, "an exponent": `{"interval_s":1e1}`, "a zero before": `{"at_ms":01}`,
		"too large": `{"up_ms":9223372036854775808}`, "one more than 64 bits": `{"others":{"octets":18446744073709551616}}`, "a counter of a later release": `{"interfaces":[{"counters":{"in_fast":1}}]}`,
		"more behind": `{"at_ms":1}{}`, "cut off": `{"users":[{"uid":1`, "nothing": "", "null": `null`, "a comma too many": `{"at_ms":1,}`, "a point too many": `{"interval_s":1.}`, "no address": `{"destinations":[{"dst":"x"}]}`,
	} {
		if _, ok := host.PlainSnapshot([]byte(text)); ok {
			t.Errorf("%s: taken for plain", name)
		}
	}
	long := `{"users":[` + strings.Repeat(`{"uid":1},`, 3000) + `{"uid":1}]}`
	if _, ok := host.PlainSnapshot([]byte(long)); ok {
		t.Error("a list longer than any may be is taken into memory that stays")
	}
}

// A line that is read without encoding/json says what it says with it.
func FuzzPlainLinesSayWhatTheySayToEncodingJSON(f *testing.F) {
	f.Add(plainLine(f, full()))
	f.Add(plainLine(f, host.Snapshot{}))
	f.Add(plainLine(f, newPushing("web-17").head))
	for _, text := range []string{
		`{"interval_s":0.1,"users":[],"interfaces":null}`, `{"interval_s":9007199254740993}`, `{"interval_s":1.0000000000000000001}`, `{"others":{"uid":4294967295,"octets":18446744073709551615,"from":[0,1]}}`,
		`{"interfaces":[{"counters":{"in_octets":1,"in_octets":2},"ips":["",""]}]}`, `{"destinations":[{"dst":"::1%eth0","protocol":255,"dst_port":65535}]}`, "{\"error\":\"\u2028\x7f\"}", `{"spate_agent":1,"host":"x"}`, `{}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, ok := host.PlainSnapshot([]byte(text)); ok {
			var want host.Snapshot
			if err := json.Unmarshal([]byte(text), &want); err != nil {
				t.Fatalf("%q is taken, and encoding/json says %v", text, err)
			}
			if diff := cmp.Diff(want, got, sameAddress); diff != "" {
				t.Fatalf("%q (-want +got):\n%s", text, diff)
			}
		}
		if got, ok := host.PlainHeader([]byte(text)); ok {
			var want host.Header
			if err := json.Unmarshal([]byte(text), &want); err != nil || got != want {
				t.Fatalf("%q is %+v, and with encoding/json %+v %v", text, got, want, err)
			}
		}
	})
}
