//go:build !linux

package host

import "time"

var began = time.Now()

// upTime is the time since this process started.
func upTime() time.Duration { return time.Since(began) }
