package host

// What tests of the decoders need.
var (
	ParseOSRelease = parseOSRelease
	ParseUptime    = parseUptime
	ParseSpeed     = parseSpeed
	KernelSource   = kernelSource
)
