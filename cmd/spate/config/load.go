// Package config reads config.toml. It is strict: a key nobody knows, a value
// of the wrong kind or a name that leads nowhere is told with its place, all of
// them in one run, and nothing starts on a half understood file.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// SystemFile is where the config file of an installed Spate lives.
const SystemFile = "/etc/spate/config.toml"

// Limits of what is read.
const (
	largestFile = 64 << 20 // bytes; 50,000 devices with all keys are a third of it
	mostFiles   = 10_000
)

// A Loader reads configuration from the file system. The zero Loader reads the
// real one.
type Loader struct {
	// Env looks up an environment variable; nil is os.LookupEnv.
	Env func(name string) (string, bool)
	// ReadFile reads a file of at most so many bytes; nil reads the disk.
	ReadFile func(path string, most int64) ([]byte, fs.FileMode, error)
	// Glob lists the files of a pattern in order; nil is filepath.Glob.
	Glob func(pattern string) ([]string, error)
	// Hostname names this machine; nil is os.Hostname.
	Hostname func() (string, error)
	// Sealed leaves secrets unread and empty: for a program that has no right to them.
	Sealed bool
}

func (l Loader) filled() *Loader {
	if l.Env == nil {
		l.Env = os.LookupEnv
	}
	if l.ReadFile == nil {
		l.ReadFile = readFile
	}
	if l.Glob == nil {
		l.Glob = filepath.Glob
	}
	if l.Hostname == nil {
		l.Hostname = os.Hostname
	}
	return &l
}

// Find is the file to read: the given one, else ./config.toml, else
// [SystemFile]; "" where there is none and the defaults apply.
func Find(given string) string {
	if given != "" {
		return given
	}
	for _, path := range []string{"config.toml", SystemFile} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return path // one that cannot be read is an error, not a reason to look further
		}
	}
	return ""
}

// Load reads the file and what it includes. The error is of type [Errors].
func (l Loader) Load(path string) (*Config, error) {
	full := l.filled()
	data, _, err := full.ReadFile(path, largestFile)
	if err != nil {
		return nil, Errors{{At: Pos{File: path}, What: "cannot be read: " + causeOf(err), Wanted: "a config file; the one that Spate ships shows every key"}}
	}
	return full.load(path, data)
}

// LoadBytes reads the text of a config file; path names it in messages and
// relative names are looked up beside it. The error is of type [Errors].
func (l Loader) LoadBytes(path string, data []byte) (*Config, error) {
	return l.filled().load(path, data)
}

// Defaults is what no config file at all means.
func (l Loader) Defaults() (*Config, error) {
	cfg, err := l.LoadBytes("config.toml", nil)
	if err == nil {
		cfg.Files = nil
	}
	return cfg, err
}

func (l *Loader) load(path string, data []byte) (*Config, error) {
	in := &includes{Loader: l, done: map[string]bool{}}
	root, files := in.file(path, data, nil)
	if len(in.syntax) > 0 {
		return nil, in.syntax.sorted() // they stand alone: the rest is guesswork
	}
	r := &reader{Loader: l, errs: in.errs, known: map[string]bool{}}
	cfg := r.config(root)
	r.reportUnknown()
	if len(r.errs) > 0 {
		return nil, r.errs.sorted()
	}
	cfg.Files = files
	return cfg, nil
}

// includes joins a file and the files it includes into one tree.
type includes struct {
	*Loader
	done   map[string]bool // files already read, by real path
	errs   Errors
	syntax Errors
}

// file reads one file; chain holds the real paths of the files that led here.
func (in *includes) file(path string, data []byte, chain []string) (*node, []string) {
	id := realPath(path)
	in.done[id] = true
	data, bad := decodeText(path, data)
	if bad != nil {
		in.syntax = append(in.syntax, *bad)
		return newTable(Pos{path, 1, 1}), nil
	}
	root, errs := parse(path, data)
	if root == nil {
		in.syntax = append(in.syntax, errs...)
		return newTable(Pos{path, 1, 1}), nil
	}
	in.errs = append(in.errs, errs...)
	files := []string{path}
	for _, next := range in.wanted(root, path) {
		sub, more := in.include(next, append(slices.Clip(chain), id))
		files = append(files, more...)
		if sub != nil {
			in.merge(root, sub, "")
		}
	}
	return root, files
}

type include struct {
	path string
	at   Pos
}

// wanted takes the include list off a file's tree and looks its patterns up.
func (in *includes) wanted(root *node, path string) []include {
	s := &scope{reader: &reader{Loader: in.Loader, known: map[string]bool{}}, at: root.at, node: root, seen: map[string]bool{}}
	var out []include
	if list := root.keys["include"]; list != nil {
		readList(s, "include", new([]string), func(n *node) (string, complaint) {
			text, c := asText(n)
			if !c.ok() {
				return "", c
			}
			found, c := in.match(beside(path, text), text)
			for _, f := range found {
				out = append(out, include{f, n.at})
			}
			return text, c
		})
		delete(root.keys, "include")
		root.order = slices.DeleteFunc(root.order, func(k string) bool { return k == "include" })
	}
	in.errs = append(in.errs, s.errs...)
	return out
}

// match lists the files of one pattern. A pattern may match none, a plain name
// must be there.
func (in *includes) match(path, text string) ([]string, complaint) {
	if text == "" || strings.ContainsRune(text, 0) {
		return nil, complaint{quoted(text) + " names no file", `a file or a pattern such as "devices.d/*.toml"`}
	}
	if !strings.ContainsAny(text, `*?[\`) {
		return []string{path}, complaint{}
	}
	found, err := in.Glob(path)
	if err != nil {
		return nil, complaint{quoted(text) + " is no pattern: " + err.Error(), `one such as "devices.d/*.toml"`}
	}
	return found, complaint{}
}

func (in *includes) include(next include, chain []string) (*node, []string) {
	id := realPath(next.path)
	fail := func(what, wanted string) (*node, []string) {
		in.errs = append(in.errs, Error{next.at, "include", what, wanted})
		return nil, nil
	}
	if slices.Contains(chain, id) {
		return fail(printable(next.path)+" includes itself"+byWayOf(chain, id), "no circle")
	}
	if in.done[id] {
		return nil, nil // matched by two patterns: read once
	}
	if len(in.done) >= mostFiles {
		return fail(fmt.Sprintf("more than %d files", mostFiles), "fewer")
	}
	data, _, err := in.ReadFile(next.path, largestFile)
	if err != nil {
		return fail("cannot read "+reason(next.path, err), "a file that is there")
	}
	return in.file(next.path, data, chain)
}

func byWayOf(chain []string, id string) string {
	way := chain[slices.Index(chain, id)+1:]
	if len(way) == 0 {
		return ""
	}
	names := make([]string, len(way))
	for i, path := range way {
		names[i] = printable(filepath.Base(path))
	}
	return " by way of " + strings.Join(names, ", ")
}

// merge adds the tree of an included file: lists of tables go on, tables are
// joined, and a key may stand in one file only.
func (in *includes) merge(into, from *node, path string) {
	for _, key := range from.order {
		add, have := from.keys[key], into.keys[key]
		name := path + bareKey(key)
		switch {
		case have == nil:
			into.add(key, add)
		case have.kind == kindTables && add.kind == kindTables:
			have.items = append(have.items, add.items...)
		case have.kind == kindTable && add.kind == kindTable && !have.closed && !add.closed:
			in.merge(have, add, name+".")
		default:
			in.errs = append(in.errs, Error{add.keyAt, name, "given twice, first at " + have.keyAt.short(add.keyAt), "it once"})
		}
	}
}

// decodeText refuses what is not UTF-8 and takes off the mark that Windows
// editors put in front.
func decodeText(path string, data []byte) ([]byte, *Error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return nil, &Error{Pos{path, 1, 1}, "syntax", "is UTF-16", "UTF-8"}
	}
	if utf8.Valid(data) {
		return data, nil
	}
	at := Pos{path, 1, 1}
	for rest := data; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError && n == 1 {
			break
		}
		at.Col += n
		if r == '\n' {
			at.Line, at.Col = at.Line+1, 1
		}
		rest = rest[n:]
	}
	return nil, &Error{at, "syntax", "is not UTF-8", "UTF-8"}
}

// beside is path as seen from the folder of file.
func beside(file, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}

func realPath(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return path
}

func causeOf(err error) string {
	var perr *fs.PathError
	if errors.As(err, &perr) {
		return perr.Err.Error()
	}
	return err.Error()
}

// readFile reads at most so many bytes of a regular file. A named pipe would
// hold the start up for ever; /dev/stdin and what a shell leaves in /dev/fd are
// meant that way.
func readFile(path string, most int64) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() && !info.IsDir() && !strings.HasPrefix(path, "/dev/") {
		return nil, 0, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("larger than %s", Size(most))
	}
	return data, info.Mode(), err
}
