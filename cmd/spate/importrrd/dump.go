package importrrd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"spate"
)

const (
	patience = 2 * time.Minute // for rrdtool and one file
	mostDump = 4 << 30         // octets of its XML
)

// Read dumps a file with rrdtool and reads what it says.
func Read(ctx context.Context, file string) (*File, error) {
	ctx, end := context.WithTimeout(ctx, patience)
	defer end()
	path, err := filepath.Abs(file) // a name that begins with - is no option then
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	cmd := exec.CommandContext(ctx, "rrdtool", "dump", "--no-header", path)
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=/usr/local/bin:/usr/bin:/bin"}
	said := &limited{left: 4 << 10}
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, fmt.Errorf("%s: rrdtool is not installed: install it (Debian: apt install rrdtool) on this machine", file)
		}
		return nil, fmt.Errorf("%s: start rrdtool: %w", file, err)
	}
	f, err := Parse(io.LimitReader(out, mostDump))
	if err != nil {
		end() // rrdtool may have more to say than is wanted
	}
	if waited := cmd.Wait(); waited != nil && !(err != nil && f != nil) {
		if words := spate.Clean(strings.TrimSpace(said.String())); words != "" {
			return nil, fmt.Errorf("%s: rrdtool says: %s", file, words)
		}
		if err == nil {
			return nil, fmt.Errorf("%s: rrdtool: %w", file, waited)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return f, nil
}

// limited keeps the beginning of what is written.
type limited struct {
	bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	_, err := l.Buffer.Write(p[:n])
	return len(p), err
}
