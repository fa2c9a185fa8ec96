//go:build !unix

package host

import "os"

func lockFile(*os.File) error { return nil }
