package web

import (
	"os"
	"strings"
	"time"
)

// zoneName is the IANA name of a zone, for charts drawn in the browser; empty
// where the machine's own zone has no name.
func zoneName(z *time.Location) string {
	if name := z.String(); name != "Local" {
		return name
	}
	if name := os.Getenv("TZ"); strings.Contains(name, "/") && !strings.HasPrefix(name, ":") && !strings.HasPrefix(name, "/") {
		return name
	}
	target, err := os.Readlink("/etc/localtime")
	if err != nil {
		return ""
	}
	_, name, _ := strings.Cut(target, "zoneinfo/")
	return name
}
