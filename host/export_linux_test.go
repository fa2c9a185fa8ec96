package host

// Explain is what makes a sentence of a netlink error.
var Explain = explain
