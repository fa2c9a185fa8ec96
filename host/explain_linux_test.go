package host_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"spate/host"
)

func TestARefusedSocketIsExplained(t *testing.T) {
	for _, refusal := range []unix.Errno{unix.EPERM, unix.EACCES, unix.EAFNOSUPPORT, unix.EPROTONOSUPPORT} {
		err := host.Explain(os.NewSyscallError("socket", refusal))
		if !errors.Is(err, refusal) || !strings.Contains(err.Error(), "host.enabled = false") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v", refusal, err)
		}
	}
	if err := host.Explain(unix.ENOBUFS); strings.Contains(err.Error(), "host.enabled") {
		t.Errorf("ENOBUFS is no refusal: %v", err)
	}
}
