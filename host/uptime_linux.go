package host

import (
	"time"

	"golang.org/x/sys/unix"
)

// upTime is the time since the machine started, with the time it slept; no step of
// the clock moves it (clock_gettime(2), CLOCK_BOOTTIME).
func upTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
