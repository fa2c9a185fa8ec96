package config

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"spate"
)

func wrongKind(n *node, wanted string) complaint {
	what := "is " + string(n.kind)
	if n.kind == kindInt || n.kind == kindFloat || n.kind == kindBool {
		what = "is " + string(n.kind) + " (" + n.text + ")"
	}
	return complaint{what, wanted}
}

func asText(n *node) (string, complaint) {
	if n.kind != kindText {
		return "", wrongKind(n, "a string in quotes")
	}
	return n.text, complaint{}
}

func asBool(n *node) (bool, complaint) {
	if n.kind != kindBool {
		return false, wrongKind(n, "true or false")
	}
	return n.text == "true", complaint{}
}

func asInt(n *node) (int, complaint) {
	v, err := strconv.ParseInt(strings.ReplaceAll(n.text, "_", ""), 0, 32)
	if n.kind != kindInt || err != nil {
		return 0, wrongKind(n, "a whole number")
	}
	return int(v), complaint{}
}

func asFloat(n *node) (float64, complaint) {
	v, err := strconv.ParseFloat(strings.ReplaceAll(n.text, "_", ""), 64)
	if n.kind != kindInt && n.kind != kindFloat || err != nil {
		return 0, wrongKind(n, "a number")
	}
	return v, complaint{}
}

func asDuration(n *node) (time.Duration, complaint) {
	const wanted = `a duration such as "10s" (ms s m h d w y)`
	if n.kind != kindText {
		return 0, wrongKind(n, wanted)
	}
	d, err := ParseDuration(n.text)
	if err != nil {
		return 0, complaint{quoted(n.text) + " is no duration", wanted}
	}
	return d, complaint{}
}

func asSize(n *node) (Size, complaint) {
	const wanted = `a size such as "100GB" or "1GiB"`
	if n.kind != kindText {
		return 0, wrongKind(n, wanted)
	}
	v, err := ParseSize(n.text)
	if err != nil {
		return 0, complaint{quoted(n.text) + " is no size", wanted}
	}
	return v, complaint{}
}

func asSpeed(n *node) (spate.BitRate, complaint) {
	const wanted = `bits per second such as "100M" or "9G"`
	if n.kind != kindText {
		return 0, wrongKind(n, wanted)
	}
	v, err := ParseSpeed(n.text)
	const fastest = 100e12 // a hundred times what a port does today
	if err != nil || v < 1 || v > fastest {
		return 0, complaint{quoted(n.text) + " is no speed", wanted}
	}
	return spate.BitRate(math.Round(float64(v))), complaint{}
}

// orEmpty lets "" stand for the zero value, which means the default.
func orEmpty[T any](parse func(*node) (T, complaint)) func(*node) (T, complaint) {
	return func(n *node) (T, complaint) {
		if n.kind == kindText && n.text == "" {
			var zero T
			return zero, complaint{}
		}
		return parse(n)
	}
}

// between limits durations, both ends included; "" (0) passes where orEmpty
// let it in, because a written 0 is below any lowest.
func between(low, high time.Duration) func(time.Duration) complaint {
	return func(d time.Duration) complaint {
		if d < low || d > high {
			return complaint{FormatDuration(d) + " is out of range", FormatDuration(low) + " to " + FormatDuration(high)}
		}
		return complaint{}
	}
}

func within(low, high int) func(int) complaint {
	return func(v int) complaint {
		if v < low || v > high {
			return complaint{strconv.Itoa(v) + " is out of range", strconv.Itoa(low) + " to " + strconv.Itoa(high)}
		}
		return complaint{}
	}
}

func percent(v float64) complaint {
	if !(v > 0 && v <= 100) {
		return complaint{strconv.FormatFloat(v, 'g', 6, 64) + " is no percentage", "more than 0, at most 100"}
	}
	return complaint{}
}

func oneOf(words ...string) func(string) complaint {
	return func(v string) complaint {
		if slices.Contains(words, v) {
			return complaint{}
		}
		return complaint{quoted(v) + " is not known", alternatives(words)}
	}
}

// alternatives is "a, b or c", with the empty word shown as "".
func alternatives(words []string) string {
	shown := make([]string, len(words))
	for i, w := range words {
		if shown[i] = w; w == "" {
			shown[i] = `""`
		}
	}
	if len(shown) == 1 {
		return shown[0]
	}
	return strings.Join(shown[:len(shown)-1], ", ") + " or " + shown[len(shown)-1]
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// IsName tells whether a text may be the name of a device.
func IsName(text string) bool { return nameForm.MatchString(text) }

// asName is the form of names that stand in URLs and file names.
func asName(n *node) (string, complaint) {
	text, c := asText(n)
	if c.ok() && !nameForm.MatchString(text) {
		c = complaint{quoted(text) + " is no name", "letters, digits, . _ and -, 63 at most, a letter or digit first"}
	}
	return text, c
}

// line accepts free text of one printable line.
func line(most int) func(string) complaint {
	return func(text string) complaint {
		if !utf8.ValidString(text) || strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
			return complaint{quoted(text) + " has characters that do not print", "one line of plain text"}
		}
		if utf8.RuneCountInString(text) > most {
			return complaint{quoted(text) + " is too long", strconv.Itoa(most) + " characters at most"}
		}
		return complaint{}
	}
}

// glob accepts a pattern of spate.MatchPort, in which every printable text is
// well formed.
func glob(text string) complaint {
	if text == "" {
		return complaint{"is empty", `an ifName or a pattern such as "Gi1/0/*"`}
	}
	return line(255)(text)
}

// A PortGlob names ports of several devices: "device-glob ifName-glob".
type PortGlob struct{ Device, Port string }

// Match tells whether the port is meant.
func (g PortGlob) Match(id spate.PortID) bool {
	return spate.MatchPort(g.Device, id.Device) && spate.MatchPort(g.Port, id.Name)
}

func asPortGlob(n *node) (PortGlob, complaint) {
	const wanted = `"device ifName", both may have * and ?`
	text, c := asText(n)
	if !c.ok() {
		return PortGlob{}, complaint{c.what, wanted}
	}
	device, port, two := strings.Cut(text, " ")
	if !two || device == "" || strings.TrimSpace(port) == "" {
		return PortGlob{}, complaint{quoted(text) + " does not name a device and a port", wanted}
	}
	return PortGlob{device, port}, line(320)(text)
}

func asPortID(n *node) (spate.PortID, complaint) {
	const wanted = `"device ifName" such as "sw-acc-1 Te1/1"`
	text, c := asText(n)
	if !c.ok() {
		return spate.PortID{}, complaint{c.what, wanted}
	}
	device, port, two := strings.Cut(text, " ")
	if !two || device == "" || strings.TrimSpace(port) == "" {
		return spate.PortID{}, complaint{quoted(text) + " does not name a device and a port", wanted}
	}
	return spate.PortID{Device: device, Name: port}, line(320)(text)
}
