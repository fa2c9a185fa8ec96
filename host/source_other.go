//go:build !linux

package host

import "errors"

var errNotLinux = errors.New("this machine's own interfaces can be read on Linux only: set host.enabled = false")

// kernelSource says that there is none.
func kernelSource() Source { return nowhere{} }

type nowhere struct{}

func (nowhere) Links() ([]Link, error) { return nil, errNotLinux }
func (nowhere) Close() error           { return nil }
