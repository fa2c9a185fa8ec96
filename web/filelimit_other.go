//go:build !unix

package web

// fileLimit is a guess where the system does not tell.
func fileLimit() int { return 8192 }
