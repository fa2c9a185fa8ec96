package host

// Explain is what makes a sentence of a netlink error.
var Explain = explain

// The ways of counting, one by one.
var (
	NewSKB = newSKB
	NewNFT = newNFT

	NewRules     = newRules
	NewRulesFile = newRulesFile
)
