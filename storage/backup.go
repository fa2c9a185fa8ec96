package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ErrBusy says that a backup is being written.
var ErrBusy = errors.New("a backup is being written already: wait until it is done")

// manifestFile is written last: a folder without it is no whole backup.
const manifestFile = "backup.json"

const backupFormat = 1

// A Manifest says what a backup holds. The folder beside it is a store's: it may
// be opened as storage.path as it is.
type Manifest struct {
	Format  int          `json:"format"`
	Version string       `json:"version"` // of the Spate that wrote it
	At      time.Time    `json:"at"`      // of the moment it holds
	Files   []BackupFile `json:"files"`   // by path
}

// A BackupFile is one of its files.
type BackupFile struct {
	Path   string `json:"path"` // below the folder, with slashes
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Bytes is the size of all files.
func (m *Manifest) Bytes() (sum int64) {
	for _, f := range m.Files {
		sum += f.Bytes
	}
	return sum
}

// An Extra is a file of the backup that the store does not keep itself.
type Extra struct {
	Name  string
	Write func(w io.Writer) error
}

// A moment is the store at one moment, as the writer gives it.
type moment struct {
	at        time.Time
	journal   []byte   // a file of the journal with what was open
	snapshots []string // of the tiers' engines: folders
	drop      func()   // gives the snapshots back
	err       error
}

// Backup writes the store as it is at this moment into dir, an absolute path to a
// folder that is new or empty, while it goes on. Rates in VictoriaMetrics are not
// in it. progress is told octets now and then; nil: nobody is.
func (e *store) Backup(ctx context.Context, dir, version string, extras []Extra, progress func(done, total int64)) (*Manifest, error) {
	if !e.backing.TryLock() {
		return nil, ErrBusy
	}
	defer e.backing.Unlock()
	if err := e.refuseBackup(dir); err != nil {
		return nil, err
	}
	ask := make(chan moment, 1)
	select {
	case e.moments <- ask:
	case <-e.stop:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	m := <-ask
	if m.err != nil {
		return nil, m.err
	}
	defer m.drop()
	made, err := makeBackup(dir)
	if err != nil {
		return nil, err
	}
	b := backup{ctx: ctx, dir: dir, progress: progress, manifest: &Manifest{Format: backupFormat, Version: version, At: m.at.UTC()}}
	if err := b.write(e, &m, extras); err != nil {
		return nil, errors.Join(fmt.Errorf("backup to %s: %w", dir, err), clearFolder(dir, made))
	}
	return b.manifest, nil
}

// refuseBackup says why a folder cannot be the backup's.
func (e *store) refuseBackup(dir string) error {
	own, err := filepath.Abs(e.folder.path)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	within := func(a, b string) bool {
		rel, err := filepath.Rel(b, a)
		return err == nil && (rel == "." || filepath.IsLocal(rel))
	}
	switch clean := filepath.Clean(dir); {
	case !filepath.IsAbs(dir):
		return fmt.Errorf("backup: %s is no absolute path: name one on the machine that Spate runs on", dir)
	case within(clean, own) || within(own, clean):
		return fmt.Errorf("backup: %s lies in the store's own folder, or that in it: name another", dir)
	}
	return nil
}

// makeBackup makes the folder, or takes an empty one; made tells which.
func makeBackup(dir string) (made bool, err error) {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return false, fmt.Errorf("backup: make folder %s: %w: user %d must be allowed to", dir, reason(err), os.Getuid())
		}
		return true, nil
	case err != nil:
		return false, fmt.Errorf("backup: read folder %s: %w", dir, reason(err))
	case len(entries) > 0:
		return false, fmt.Errorf("backup: %s holds something (%q): name a folder that is new or empty", dir, entries[0].Name())
	}
	return false, nil
}

func clearFolder(dir string, made bool) error {
	if made {
		return os.RemoveAll(dir)
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

// A backup is one at work.
type backup struct {
	ctx         context.Context
	dir         string
	done, total int64
	told        time.Time
	progress    func(done, total int64)
	manifest    *Manifest
}

func (b *backup) write(e *store, m *moment, extras []Extra) error {
	for _, s := range m.snapshots {
		n, err := sizeOf(s)
		if err != nil {
			return err
		}
		b.total += n
	}
	free, _, err := e.cfg.FreeSpace(b.dir)
	if err != nil {
		return fmt.Errorf("ask the free space: %w", err)
	}
	if need := uint64(b.total) + uint64(len(m.journal)) + uint64(b.total)/20; free < need {
		return fmt.Errorf("%d MB are needed and %d MB are free", need>>20, free>>20)
	}
	for i, s := range m.snapshots {
		if err := b.tree(s, tierFolders[i]); err != nil {
			return err
		}
	}
	if err := b.file(filepath.Join(journalFolder, "0000000000000001"+journalSuffix), func(w io.Writer) error { _, err := w.Write(m.journal); return err }); err != nil {
		return err
	}
	for _, x := range extras {
		if err := b.file(x.Name, x.Write); err != nil {
			return err
		}
	}
	marker, err := os.ReadFile(filepath.Join(e.folder.path, markerFile))
	if err != nil {
		return err
	}
	if err := b.file(markerFile, func(w io.Writer) error { _, err := w.Write(marker); return err }); err != nil {
		return err
	}
	slices.SortFunc(b.manifest.Files, func(x, y BackupFile) int { return strings.Compare(x.Path, y.Path) })
	text, err := json.MarshalIndent(b.manifest, "", "\t")
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(b.dir, manifestFile), append(text, '\n'))
}

// tree copies a folder; links in it are followed.
func (b *backup) tree(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		source, name := filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())
		info, err := os.Stat(source)
		if err != nil {
			return err
		}
		switch {
		case info.IsDir():
			err = b.tree(source, name)
		case info.Mode().IsRegular():
			err = b.copy(source, name)
		}
		if err != nil {
			return err
		}
	}
	if len(entries) == 0 { // the engine wants it all the same
		return os.MkdirAll(filepath.Join(b.dir, to), 0o750)
	}
	return nil
}

func (b *backup) copy(from, name string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	return b.file(name, func(w io.Writer) error { _, err := io.Copy(w, in); return err })
}

// file writes one file of the backup and notes it.
func (b *backup) file(name string, write func(w io.Writer) error) error {
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	w := &noted{b: b, out: out, sum: sha256.New()}
	err = write(w)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	b.manifest.Files = append(b.manifest.Files, BackupFile{filepath.ToSlash(name), w.n, hex.EncodeToString(w.sum.Sum(nil))})
	return nil
}

// noted counts and sums up what is written, and stops when nobody waits for it.
type noted struct {
	b   *backup
	out io.Writer
	sum hash.Hash
	n   int64
}

func (w *noted) Write(p []byte) (int, error) {
	if err := context.Cause(w.b.ctx); err != nil {
		return 0, err
	}
	n, err := w.out.Write(p)
	w.sum.Write(p[:n])
	w.n += int64(n)
	w.b.done += int64(n)
	if w.b.progress != nil && time.Since(w.b.told) > 250*time.Millisecond {
		w.b.told = time.Now()
		w.b.progress(w.b.done, max(w.b.total, w.b.done))
	}
	return n, err
}

// sizeOf is the octets of a folder's files; links in it are followed.
func sizeOf(dir string) (sum int64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		info, err := os.Stat(path)
		if err != nil {
			return 0, err
		}
		n := info.Size()
		if info.IsDir() {
			if n, err = sizeOf(path); err != nil {
				return 0, err
			}
		}
		sum += n
	}
	return sum, nil
}
