package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The files of a store's folder. state.db is [State]'s.
const (
	lockFile   = "spate.lock"
	markerFile = "spate-store"
)

// tierFolders are those of the tiers, finest first. Each is a data folder of
// VictoriaMetrics: a copy of it can be given to one.
var tierFolders = [1 + numLevels]string{"raw", "five_minutes", "hour"}

// markerFormat is the version of the folder's layout.
const markerFormat = 1

// A marker is what spate-store holds: that the folder is ours, and which steps
// its raw tier was written with. A row covers the step that was in force at its
// time.
type marker struct {
	Format int     `json:"format"`
	Steps  []epoch `json:"raw_steps"`
}

// An epoch is the time from Since on, until the next one.
type epoch struct {
	Since int64 `json:"since_ms"` // ms since 1970; 0 in the first
	Step  int64 `json:"step_ms"`
}

// A folder is the locked folder of a store.
type folder struct {
	path   string
	lock   *os.File
	epochs []epoch
}

// openFolder makes sure that the folder is ours and nobody else's, and notes
// the step from now on. It never writes into a folder of something else.
func openFolder(path string, step time.Duration, now time.Time) (*folder, error) {
	if err := makeFolder(path); err != nil {
		return nil, err
	}
	if err := refuseForeign(path); err != nil {
		return nil, err
	}
	lock, err := lockFolder(path)
	if err != nil {
		return nil, err
	}
	f := &folder{path: path, lock: lock}
	if err := f.mark(step.Milliseconds(), now.UnixMilli()); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func makeFolder(path string) error {
	if err := os.MkdirAll(path, 0o750); err != nil {
		if st, e := os.Stat(path); e == nil && !st.IsDir() {
			return fmt.Errorf("storage: %s is a file: set storage.path to a folder", path)
		}
		return fmt.Errorf("storage: make folder %s: %w: set storage.path to a folder that user %d may write", path, reason(err), os.Getuid())
	}
	return nil
}

// refuseForeign looks at a folder without our marker: only one that holds
// nothing, or nothing but what may lie beside a store, is taken.
func refuseForeign(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("storage: read folder %s: %w: set storage.path to a folder that user %d may read and write", path, reason(err), os.Getuid())
	}
	foreign := ""
	for _, e := range entries {
		switch name := e.Name(); {
		case name == markerFile:
			return nil
		case name == lockFile, strings.HasPrefix(name, "state.db"), name == "lost+found", strings.HasPrefix(name, "."):
		default:
			foreign = name
		}
	}
	if foreign != "" {
		return fmt.Errorf("storage: %s holds something that is not Spate's (%q, and no %s): set storage.path to an empty folder", path, foreign, markerFile)
	}
	return nil
}

// lockFolder takes the lock, which the system frees when the process ends in
// any way. The file says who has it, for the one who comes second.
func lockFolder(path string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(path, lockFile), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("storage: %s is not writable: %w: give it to user %d, or set storage.path", path, reason(err), os.Getuid())
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("storage: %s is in use by another Spate%s: stop it first, or set another storage.path", path, holder(f))
		}
		return nil, fmt.Errorf("storage: lock %s: %w", path, err)
	}
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0) // a help, not a need
	}
	return f, nil
}

func holder(f *os.File) string {
	b := make([]byte, 20)
	n, _ := f.ReadAt(b, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}

// mark reads the marker, and writes it where it is new or the step is.
func (f *folder) mark(step, now int64) error {
	m, err := readMarker(f.path)
	if err != nil {
		return err
	}
	if m == nil {
		m = &marker{Format: markerFormat, Steps: []epoch{{Step: step}}}
	} else if !m.turnTo(step, now) {
		f.epochs = m.Steps
		return nil
	}
	f.epochs = m.Steps
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(f.path, markerFile), append(b, '\n')); err != nil {
		return fmt.Errorf("storage: %s is not writable: %w: give it to user %d, or set storage.path", f.path, reason(err), os.Getuid())
	}
	return nil
}

// turnTo makes step the one in force, and tells whether that changed anything.
// It is so from the next full slot on: until then there is a gap of one step at
// most, where an earlier start could be taken for rows of the old length.
func (m *marker) turnTo(step, now int64) bool {
	n := len(m.Steps)
	for n > 1 && m.Steps[n-1].Since > now+longestStep.Milliseconds() {
		n-- // begun when the clock was wrong; nothing could be written until then
	}
	changed := n < len(m.Steps)
	m.Steps = m.Steps[:n]
	if m.Steps[n-1].Step != step {
		since := max(ceil(now, step), m.Steps[n-1].Since)
		m.Steps = append(m.Steps, epoch{Since: since, Step: step})
		changed = true
	}
	return changed
}

func readMarker(path string) (*marker, error) {
	file := filepath.Join(path, markerFile)
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("storage: read %s: %w", file, reason(err))
	}
	return parseMarker(file, b)
}

func parseMarker(file string, b []byte) (*marker, error) {
	var m marker
	damaged := fmt.Errorf("storage: %s is damaged: restore it from a backup, or set storage.path to an empty folder", file)
	if json.Unmarshal(b, &m) != nil || m.Format < 1 {
		return nil, damaged
	}
	if m.Format > markerFormat {
		return nil, fmt.Errorf("storage: %s was written by a newer Spate (format %d, this one knows %d): run that one", file, m.Format, markerFormat)
	}
	for i, e := range m.Steps {
		if e.Step <= 0 || e.Step%gridUnit.Milliseconds() != 0 || i == 0 && e.Since != 0 || i > 0 && e.Since < m.Steps[i-1].Since {
			return nil, damaged
		}
	}
	if len(m.Steps) == 0 {
		return nil, damaged
	}
	return &m, nil
}

// replaceFile writes a file whole or not at all, also when the power fails.
func replaceFile(path string, b []byte) error {
	tmp, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	_, err = tmp.Write(b)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// since is when the step in force began.
func (f *folder) since() int64 { return f.epochs[len(f.epochs)-1].Since }

// during lists the epochs that a range of ms touches, oldest first.
func (f *folder) during(from, to int64) []epoch {
	first, last := 0, 0
	for i, e := range f.epochs {
		if e.Since <= from {
			first = i
		}
		if e.Since < to {
			last = i
		}
	}
	return f.epochs[first : max(first, last)+1]
}

func (f *folder) close() { f.lock.Close() }

// reason is the cause of a file error without its path, which the sentence
// around it names already.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
