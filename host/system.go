package host

import (
	"io/fs"
	"math"
	"runtime"
	"strconv"
	"strings"
	"time"

	"spate"
)

// DeviceName makes a device's name of a host name: up to the first dot, with
// whatever a device name may not hold turned into "-", at most 63 characters.
// Where nothing is left it is "localhost".
func DeviceName(hostname string) string {
	label, _, _ := strings.Cut(hostname, ".")
	name := strings.TrimLeft(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		}
		return '-'
	}, label), "_-")
	if name = name[:min(len(name), 63)]; name == "" {
		return "localhost"
	}
	return name
}

// readSystem describes the machine. What cannot be read is left out.
func readSystem(root fs.FS, name string) spate.System {
	return spate.System{
		Name: name, Descr: spate.Clean(description(root)), Uptime: parseUptime(read(root, "proc/uptime")),
	}
}

func description(root fs.FS) string {
	kernel := strings.TrimSpace(read(root, "proc/sys/kernel/ostype")) + " " + strings.TrimSpace(read(root, "proc/sys/kernel/osrelease"))
	parts := []string{parseOSRelease(read(root, "etc/os-release")), strings.TrimSpace(kernel)}
	if parts[0] == "" {
		parts = parts[1:]
	}
	return strings.Join(parts, ", ") + " (" + runtime.GOARCH + ")"
}

func read(root fs.FS, file string) string {
	b, err := fs.ReadFile(root, file)
	if err != nil {
		return ""
	}
	return string(b)
}

// parseOSRelease is PRETTY_NAME of os-release(5), else NAME, without its quotes.
func parseOSRelease(text string) string {
	found := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok {
			found[key] = unquote(value)
		}
	}
	if name := found["PRETTY_NAME"]; name != "" {
		return name
	}
	return found["NAME"]
}

// unquote takes shell quotes off: within double quotes \ stands before ", $, \
// and `.
func unquote(s string) string {
	if len(s) < 2 || s[0] != s[len(s)-1] || s[0] != '"' && s[0] != '\'' {
		return s
	}
	quote, s := s[0], s[1:len(s)-1]
	if quote == '\'' || !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\"`, `"`, `\$`, `$`, `\\`, `\`, "\\`", "`").Replace(s)
}

// parseUptime reads the first figure of /proc/uptime, seconds since the start.
func parseUptime(text string) time.Duration {
	first, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	seconds, err := strconv.ParseFloat(first, 64)
	if err != nil || !(seconds >= 0) || seconds > math.MaxInt64/1e9 {
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}
