package host

import "time"

// What tests of the decoders need.
var (
	ParseOSRelease = parseOSRelease
	ParseUptime    = parseUptime
	ParseSpeed     = parseSpeed
	KernelSource   = kernelSource
)

// SetNow gives a fleet another clock.
func SetNow(f *Fleet, now func() time.Time) { f.now = now }

// Frames cuts a stream of syslog into messages.
var Frames = frames
