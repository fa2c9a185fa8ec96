package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const mostManifest = 64 << 20 // octets

// ReadManifest reads what a backup says it holds.
func ReadManifest(dir string) (*Manifest, error) {
	path := filepath.Join(dir, manifestFile)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("restore: %s is no backup, or was not written to its end: it has no %s", dir, manifestFile)
	}
	if err != nil {
		return nil, fmt.Errorf("restore: read %s: %w", path, reason(err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostManifest))
	if err != nil {
		return nil, fmt.Errorf("restore: read %s: %w", path, reason(err))
	}
	m, err := parseManifest(text)
	if err != nil {
		return nil, fmt.Errorf("restore: %s: %w", path, err)
	}
	return m, nil
}

func parseManifest(text []byte) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil || m.Format < 1 {
		return nil, errors.New("it is damaged: use another backup")
	}
	if m.Format > backupFormat {
		return nil, fmt.Errorf("it was written by a newer Spate (%q): use that one", m.Version)
	}
	marked, seen := false, map[string]bool{}
	for _, f := range m.Files {
		if !filepath.IsLocal(filepath.FromSlash(f.Path)) || f.Path == "." || f.Bytes < 0 || seen[f.Path] || strings.ContainsRune(f.Path, 0) {
			return nil, fmt.Errorf("it names a file %q that cannot be", f.Path)
		}
		seen[f.Path] = true
		marked = marked || f.Path == markerFile
	}
	if !marked {
		return nil, errors.New("it names no store")
	}
	return &m, nil
}

// Restore copies a backup to where a store shall be, and compares every file with
// what was written. The folder must be new or empty; with aside what is there is
// moved out of the way, and moved tells where to. A store that is open is refused.
func Restore(ctx context.Context, from, to string, aside bool, progress func(done, total int64)) (m *Manifest, moved string, err error) {
	if m, err = ReadManifest(from); err != nil {
		return nil, "", err
	}
	if moved, err = makeWay(to, aside); err != nil {
		return nil, moved, err
	}
	r := restoring{ctx: ctx, from: from, to: to, total: m.Bytes(), progress: progress}
	free, _, err := diskSpace(to)
	if err == nil && free < uint64(r.total)+uint64(r.total)/20 {
		err = fmt.Errorf("%d MB are needed and %d MB are free", r.total>>20, free>>20)
	}
	var marker BackupFile
	for _, f := range m.Files {
		if err != nil {
			break
		}
		if f.Path == markerFile { // last: without it nobody takes the folder for a store
			marker = f
			continue
		}
		err = r.file(f)
	}
	if err == nil {
		err = r.folders()
	}
	if err == nil {
		err = r.file(marker)
	}
	if err == nil {
		err = syncFolder(to)
	}
	if err != nil {
		return nil, moved, errors.Join(fmt.Errorf("restore to %s: %w", to, err), clearFolder(to, false))
	}
	return m, moved, nil
}

// makeWay makes the folder, or sees that it is empty and nobody's.
func makeWay(to string, aside bool) (moved string, err error) {
	entries, err := os.ReadDir(to)
	if errors.Is(err, os.ErrNotExist) {
		return "", makeFolder(to)
	}
	if err != nil {
		return "", fmt.Errorf("restore: read folder %s: %w", to, reason(err))
	}
	what := ""
	for _, e := range entries {
		if name := e.Name(); name != lockFile && name != "lost+found" {
			what = name
		}
	}
	lock, err := lockFolder(to)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	switch {
	case what == "":
		return "", nil
	case !aside:
		return "", fmt.Errorf("restore: %s holds something (%q): -force moves it aside", to, what)
	}
	moved = filepath.Clean(to) + ".before-" + time.Now().Format("20060102-150405")
	if err := os.Rename(to, moved); err != nil {
		return "", fmt.Errorf("restore: move %s aside: %w", to, reason(err))
	}
	return moved, makeFolder(to)
}

// A restoring is a restore at work.
type restoring struct {
	ctx         context.Context
	from, to    string
	done, total int64
	told        time.Time
	progress    func(done, total int64)
}

func (r *restoring) file(f BackupFile) error {
	name := filepath.FromSlash(f.Path)
	in, err := os.Open(filepath.Join(r.from, name))
	if err != nil {
		return err
	}
	defer in.Close()
	path := filepath.Join(r.to, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum, r), io.LimitReader(in, f.Bytes+1))
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	if n != f.Bytes || hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return fmt.Errorf("%s of the backup is damaged: use another backup", f.Path)
	}
	return nil
}

// Write counts, and stops when nobody waits any more.
func (r *restoring) Write(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	r.done += int64(len(p))
	if r.progress != nil && time.Since(r.told) > 250*time.Millisecond {
		r.told = time.Now()
		r.progress(r.done, r.total)
	}
	return len(p), nil
}

// folders makes those that hold no file, which a manifest does not name.
func (r *restoring) folders() error {
	for _, tier := range tierFolders {
		if _, err := os.Stat(filepath.Join(r.to, tier)); err != nil {
			continue // a store elsewhere has none
		}
		for _, kind := range [...]string{"small", "big", "indexdb"} {
			if err := os.MkdirAll(filepath.Join(r.to, tier, "data", kind), 0o750); err != nil {
				return err
			}
		}
	}
	return nil
}
