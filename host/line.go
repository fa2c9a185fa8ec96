package host

import (
	"bytes"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"unicode/utf8"
)

// A line reads one JSON line of a report in the form in which agents write it:
// encoding/json's own, without blanks, each key once. It takes a sixth of the time of
// encoding/json, which reads every line that is written in another way: where a line is
// not plain, ok is false and nothing is said of whether it is right.
type line struct {
	text []byte
	at   int
	ok   bool

	interfaces []Interface // their memory, for the next line
	users      []UserCount
	flows      []FlowCount
}

// mostKeys is how many keys an object has at most.
const mostKeys = 16

func (l *line) begin(text []byte) { l.text, l.at, l.ok = text, 0, true }

// ended tells whether the whole line was read, and was plain.
func (l *line) ended() bool { return l.ok && l.at == len(l.text) }

// header reads the first line.
func (l *line) header(h *Header) bool {
	*h = Header{}
	l.object(func(key []byte) {
		switch string(key) {
		case "spate_agent":
			h.Version = int(l.whole(math.MaxInt32))
		case "host":
			h.Host = l.string()
		case "boot":
			h.Boot = l.string()
		case "run":
			h.Run = l.string()
		case "at_ms":
			h.At = int64(l.whole(math.MaxInt64))
		case "up_ms":
			h.Up = int64(l.whole(math.MaxInt64))
		case "interval_s":
			h.IntervalS = l.float()
		case "backend":
			h.Backend = l.string()
		case "why":
			h.Why = l.string()
		case "doubt":
			h.Doubt = l.string()
		case "system":
			h.System = l.string()
		case "release":
			h.Release = l.string()
		default:
			l.ok = false
		}
	})
	return l.ended()
}

// snapshot reads any other line. Its lists are the line's, until the next is read.
func (l *line) snapshot(s *Snapshot) bool {
	*s = Snapshot{}
	l.object(func(key []byte) {
		switch string(key) {
		case "at_ms":
			s.At = int64(l.whole(math.MaxInt64))
		case "up_ms":
			s.Up = int64(l.whole(math.MaxInt64))
		case "boot":
			s.Boot = l.string()
		case "run":
			s.Run = l.string()
		case "interval_s":
			s.IntervalS = l.float()
		case "interfaces":
			s.Interfaces = list(l, &l.interfaces, l.iface)
		case "users":
			s.Users = list(l, &l.users, l.user)
		case "others":
			l.user(&s.Others)
		case "destinations":
			s.Flows = list(l, &l.flows, l.flow)
		case "error":
			s.Error = l.string()
		default:
			l.ok = false
		}
	})
	return l.ended()
}

func (l *line) iface(f *Interface) {
	l.object(func(key []byte) {
		switch string(key) {
		case "name":
			f.Name = l.string()
		case "if_index":
			f.Index = int(l.whole(math.MaxInt32))
		case "alias":
			f.Alias = l.string()
		case "type":
			f.Type = l.string()
		case "speed_bps":
			f.SpeedBps = l.float()
		case "speed_set":
			f.SpeedSet = l.bool()
		case "admin":
			f.Admin = l.string()
		case "oper":
			f.Oper = l.string()
		case "mac":
			f.MAC = l.string()
		case "ips":
			var ips []string
			f.IPs = list(l, &ips, func(s *string) { *s = l.string() })
		case "high_layer":
			f.HighLayer = l.bool()
		case "counters":
			f.Counters = make(map[string]uint64, len(counterNames))
			l.object(func(key []byte) { f.Counters[l.counter(key)] = l.whole(math.MaxUint64) })
		default:
			l.ok = false
		}
	})
}

// counter is the key of a counter that is known.
func (l *line) counter(key []byte) string {
	for i := range counterNames {
		if counterNames[i].name == string(key) {
			return counterNames[i].name
		}
	}
	l.ok = false
	return ""
}

func (l *line) user(u *UserCount) {
	l.object(func(key []byte) {
		switch string(key) {
		case "uid":
			u.UID = uint32(l.whole(math.MaxUint32))
		case "user":
			u.Name = l.string()
		case "octets":
			u.Octets = l.whole(math.MaxUint64)
		case "packets":
			u.Packets = l.whole(math.MaxUint64)
		case "from":
			u.From = new([2]uint64)
			l.want('[')
			u.From[0] = l.whole(math.MaxUint64)
			l.want(',')
			u.From[1] = l.whole(math.MaxUint64)
			l.want(']')
		default:
			l.ok = false
		}
	})
}

func (l *line) flow(f *FlowCount) {
	l.object(func(key []byte) {
		switch string(key) {
		case "uid":
			f.UID = uint32(l.whole(math.MaxUint32))
		case "protocol":
			f.Protocol = uint8(l.whole(math.MaxUint8))
		case "dst":
			var err error
			if f.Dst, err = netip.ParseAddr(l.string()); err != nil {
				l.ok = false
			}
		case "dst_port":
			f.Port = uint16(l.whole(math.MaxUint16))
		case "octets":
			f.Octets = l.whole(math.MaxUint64)
		case "packets":
			f.Packets = l.whole(math.MaxUint64)
		default:
			l.ok = false
		}
	})
}

// object reads {"key":value,…}; value reads what stands after the colon. A key that
// comes twice, or as one of too many, is left to encoding/json.
func (l *line) object(value func(key []byte)) {
	l.want('{')
	if l.has('}') {
		return
	}
	var known [mostKeys][]byte
	for n := 0; l.ok; n++ {
		key := l.bytes()
		l.want(':')
		if n == mostKeys || slices.ContainsFunc(known[:n], func(k []byte) bool { return bytes.Equal(k, key) }) {
			l.ok = false
		}
		if !l.ok {
			return
		}
		known[n] = key
		value(key)
		if !l.has(',') {
			l.want('}')
			return
		}
	}
}

// list reads [element,…], or null, into memory that was used before.
func list[T any](l *line, memory *[]T, element func(*T)) []T {
	const null = "null"
	if len(l.text)-l.at >= len(null) && string(l.text[l.at:l.at+len(null)]) == null {
		l.at += len(null)
		return nil
	}
	out := (*memory)[:0]
	if out == nil {
		out = []T{}
	}
	l.want('[')
	for l.ok && !l.has(']') {
		if len(out) > 0 {
			l.want(',')
		}
		if len(out) > mostInterfaces { // no list may be longer, and the memory stays
			l.ok = false
			break
		}
		var none T
		out = append(out, none)
		element(&out[len(out)-1])
	}
	*memory = out
	return out
}

func (l *line) has(c byte) bool {
	if l.at < len(l.text) && l.text[l.at] == c {
		l.at++
		return true
	}
	return false
}

func (l *line) want(c byte) {
	if !l.has(c) {
		l.ok = false
	}
}

func (l *line) string() string { return string(l.bytes()) }

// bytes are those of a string in which nothing is escaped.
func (l *line) bytes() []byte {
	if !l.has('"') {
		l.ok = false
		return nil
	}
	rest := l.text[l.at:]
	n := bytes.IndexByte(rest, '"')
	if n < 0 {
		l.ok = false
		return nil
	}
	text, odd := rest[:n], false
	for _, c := range text {
		odd = odd || c == '\\' || c < ' ' || c >= utf8.RuneSelf
	}
	if odd && !unescaped(text) {
		l.ok = false
	}
	l.at += n + 1
	return text
}

// unescaped tells text of a string that stands for itself.
func unescaped(text []byte) bool {
	return utf8.Valid(text) && !bytes.ContainsFunc(text, func(r rune) bool { return r == '\\' || r < ' ' })
}

// whole is a number without sign, point and exponent.
func (l *line) whole(most uint64) uint64 {
	n, start := uint64(0), l.at
	for l.at < len(l.text) && l.text[l.at] >= '0' && l.text[l.at] <= '9' {
		d := uint64(l.text[l.at] - '0')
		if n > (math.MaxUint64-d)/10 {
			l.ok = false
			return 0
		}
		n = 10*n + d
		l.at++
	}
	if digits := l.at - start; digits == 0 || digits > 1 && l.text[start] == '0' || n > most {
		l.ok = false
	}
	return n
}

// float is a number of digits, with some more behind a point or without.
func (l *line) float() float64 {
	start := l.at
	n := l.whole(1 << 53) // those are exact
	if !l.has('.') {
		return float64(n)
	}
	for l.at < len(l.text) && l.text[l.at] >= '0' && l.text[l.at] <= '9' {
		l.at++
	}
	v, err := strconv.ParseFloat(string(l.text[start:l.at]), 64)
	if err != nil || l.text[l.at-1] == '.' {
		l.ok = false
	}
	return v
}

func (l *line) bool() bool {
	for _, word := range [...]string{"true", "false"} {
		if len(l.text)-l.at >= len(word) && string(l.text[l.at:l.at+len(word)]) == word {
			l.at += len(word)
			return word == "true"
		}
	}
	l.ok = false
	return false
}
