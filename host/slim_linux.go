package host

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A slim process gives back the memory in which its program's own file is mapped, as
// often as it is told. The start of the program touches many pages of parts that only a
// server needs; what is used again comes back from the page cache by itself.
type slim struct{ clean []mapping }

type mapping struct{ from, to uintptr }

// newSlim looks up where the file is mapped and nobody may write: what could have been
// written to is not given back.
func newSlim() (s slim) {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return s
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return s
	}
	for line := range strings.Lines(string(maps)) {
		if m, ok := cleanMapping(line, self); ok {
			s.clean = append(s.clean, m)
		}
	}
	return s
}

// cleanMapping reads a line of proc_pid_maps(5), such as
// "00400000-017c1000 r-xp 00000000 fe:00 9979858   /usr/bin/spate".
func cleanMapping(line, file string) (m mapping, ok bool) {
	f := strings.Fields(line)
	if len(f) < 6 || f[5] != file || len(f[1]) != 4 || f[1][1] != '-' {
		return m, false
	}
	from, to, _ := strings.Cut(f[0], "-")
	first, err := strconv.ParseUint(from, 16, 64)
	if err != nil {
		return m, false
	}
	last, err := strconv.ParseUint(to, 16, 64)
	return mapping{uintptr(first), uintptr(last)}, err == nil && first < last
}

func (s slim) giveBack() {
	for _, m := range s.clean {
		// A kernel that does not want to leaves all as it is.
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED)
	}
}
