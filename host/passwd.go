package host

import (
	"bufio"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"spate"
)

// mostPasswd is how much of a passwd file is read, in octets.
const mostPasswd = 32 << 20

// accounts are the names of /etc/passwd. Users who come from elsewhere (LDAP) have
// their number as name: no other program is asked.
type accounts struct {
	root  fs.FS
	read  time.Time
	size  int64
	names map[uint32]string
}

// name is what a uid is called.
func (a *accounts) name(uid uint32) string {
	if uid == unknownUID {
		return "(beyond the table)"
	}
	if n := a.names[uid]; n != "" {
		return n
	}
	return strconv.FormatUint(uint64(uid), 10)
}

// unknownUID is the key under which a Counter keeps users that found its table full.
const unknownUID = ^uint32(0)

// refresh reads the file again where it has changed.
func (a *accounts) refresh() {
	f, err := a.root.Open("etc/passwd")
	if err != nil {
		return
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.ModTime().Equal(a.read) && info.Size() == a.size {
		return
	} else {
		a.read, a.size = info.ModTime(), info.Size()
	}
	a.names = readPasswd(f)
}

// readPasswd reads passwd(5): the first name of a uid counts.
func readPasswd(r io.Reader) map[uint32]string {
	out := map[uint32]string{}
	lines := bufio.NewScanner(io.LimitReader(r, mostPasswd))
	for lines.Scan() {
		f := strings.Split(lines.Text(), ":")
		if len(f) < 3 {
			continue
		}
		uid, err := strconv.ParseUint(f[2], 10, 32)
		name := spate.Clean(f[0])
		if err != nil || name == "" || len(name) > 64 || out[uint32(uid)] != "" {
			continue
		}
		out[uint32(uid)] = name
	}
	return out
}

// mountOf finds where a file system of a kind is mounted, in the form of
// /proc/self/mounts; "" nowhere.
func mountOf(mounts, kind string) string {
	for line := range strings.Lines(mounts) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == kind {
			return unescapeMount(f[1])
		}
	}
	return ""
}

// unescapeMount undoes the octal escapes of blanks (proc_pid_mounts(5)).
func unescapeMount(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
