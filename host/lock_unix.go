//go:build unix

package host

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockFile keeps other processes from using a file too.
func lockFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }
