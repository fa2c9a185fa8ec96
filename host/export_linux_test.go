package host

// What tests of the decoders need.
var (
	Elements      = elements
	FlowOf        = flowOf
	UnifiedCgroup = unifiedCgroup
	CleanMapping  = func(line, file string) (from, to uintptr, ok bool) {
		m, ok := cleanMapping(line, file)
		return m.from, m.to, ok
	}
)

// Explain is what makes a sentence of a netlink error.
var Explain = explain

// The ways of counting, one by one.
var (
	NewSKB = newSKB
	NewNFT = newNFT

	NewRules     = newRules
	NewRulesFile = newRulesFile
)

// SetSent writes what a user has sent into the kernel's table of an agent or a Counter
// that counts by eBPF, as if it had.
func SetSent(of any, uid uint32, t Tally) error {
	if a, ok := of.(*Agent); ok {
		of = a.counter
	}
	return of.(*skb).users.Put(uid, t)
}
