//go:build !linux

package host

import (
	"fmt"
	"runtime"
)

func newSKB() (Counter, error) {
	return nil, fmt.Errorf("%w: eBPF is Linux's, this is %s", errBackend, runtime.GOOS)
}

func newNFT() (Counter, error) {
	return nil, fmt.Errorf("%w: nftables is Linux's, this is %s", errBackend, runtime.GOOS)
}
