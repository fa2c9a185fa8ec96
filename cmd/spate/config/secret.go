package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"spate"
)

var envForm = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)
var envInPath = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

const largestSecret = 64 << 10

// secret reads a secret written as key or kept in the file named by key_file.
// It tells whether one was given, good or not. No message shows its value.
func (s *scope) secret(key string, dst *spate.Secret) bool {
	inline, file := s.has(key), s.has(key+"_file")
	switch {
	case inline && file:
		s.wrong(key, "given beside "+s.path+key+"_file", "one of them")
	case s.Sealed: // neither
	case inline:
		s.inlineSecret(key, dst)
	case file:
		s.secretFile(key+"_file", dst)
	}
	return inline || file
}

// secretURL reads a URL that may carry a password or be a secret itself.
func (s *scope) secretURL(key string, dst *spate.Secret) bool {
	var v spate.Secret
	given := s.secret(key, &v)
	if v == "" {
		return given
	}
	if _, c := asURL(&node{kind: kindText, text: v.Reveal()}); !c.ok() {
		s.wrong(s.written(key), c.what, c.wanted)
		return given
	}
	*dst = v
	return given
}

// written is the form of a secret that the file uses, key or key_file.
func (s *scope) written(key string) string {
	if s.has(key + "_file") {
		return key + "_file"
	}
	return key
}

func (s *scope) inlineSecret(key string, dst *spate.Secret) {
	n := s.get(key)
	if n.kind != kindText {
		s.wrong(key, "is "+string(n.kind), `a string, or "${NAME}" of an environment variable`)
		return
	}
	text := n.text
	if m := envForm.FindStringSubmatch(text); m != nil {
		value, set := s.Env(m[1])
		if value == "" {
			s.wrong(key, emptyEnv(m[1], set), "it set, or "+s.path+key+"_file")
			return
		}
		text = value
	} else if strings.Contains(text, "${") {
		s.wrong(key, `has "${" in it`, `"${NAME}" alone, or the secret in `+s.path+key+"_file")
		return
	}
	*dst = spate.Secret(text)
}

func emptyEnv(name string, set bool) string {
	if set {
		return "environment variable " + name + " is empty"
	}
	return "environment variable " + name + " is not set"
}

func (s *scope) secretFile(key string, dst *spate.Secret) {
	text, ok := s.readPrivate(key)
	if !ok {
		return
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	switch {
	case len(text) == 0:
		s.wrong(key, "is empty: "+printable(s.fileOf(key)), "a file with the secret in it")
	case bytes.ContainsAny(text, "\n\r\x00"):
		s.wrong(key, "has more than one line of text: "+printable(s.fileOf(key)), "a file with the secret alone")
	default:
		*dst = spate.Secret(text)
	}
}

// readPrivate reads a file that holds a secret; one that everybody on the
// machine may read is refused.
func (s *scope) readPrivate(key string) ([]byte, bool) {
	n := s.get(key)
	if n.kind != kindText {
		s.wrong(key, "is "+string(n.kind), "the name of a file")
		return nil, false
	}
	path, c := s.expand(n)
	if !c.ok() {
		s.fail(n.at, s.path+key, c)
		return nil, false
	}
	data, mode, err := s.ReadFile(path, largestSecret)
	if err != nil {
		s.wrong(key, "cannot be read: "+reason(path, err), "a file that Spate may read")
		return nil, false
	}
	if mode&0o004 != 0 {
		s.wrong(key, fmt.Sprintf("%s is readable by everyone (mode %04o)", printable(path), mode.Perm()), "it private, run: chmod o-r "+shellWord(path))
		return nil, false
	}
	return data, true
}

// fileOf is the file a key names, for a message.
func (s *scope) fileOf(key string) string {
	path, _ := s.expand(s.get(key))
	return path
}

// expand makes a file name absolute to the folder of the config file it stands
// in, and puts in ${NAME}, so that "${CREDENTIALS_DIRECTORY}/community" finds
// what systemd's LoadCredential= left there.
func (s *scope) expand(n *node) (string, complaint) {
	var c complaint
	path := envInPath.ReplaceAllStringFunc(n.text, func(ref string) string {
		name := ref[2 : len(ref)-1]
		value, set := s.Env(name)
		if value == "" && c.ok() {
			c = complaint{emptyEnv(name, set), "it set, or a plain file name"}
		}
		return value
	})
	if strings.ContainsRune(path, 0) {
		c = complaint{quoted(n.text) + " is no file name", "one without NUL"}
	}
	return beside(n.at.File, path), c
}

// filePath reads the name of a file or folder, relative to the config file.
func (s *scope) filePath(key string, dst *string) {
	n := s.get(key)
	if n == nil || n.kind == kindText && n.text == "" {
		return
	}
	read(s, key, dst, func(n *node) (string, complaint) {
		if n.kind != kindText {
			return "", wrongKind(n, "the name of a file")
		}
		return s.expand(n)
	})
}

// reason is why a file cannot be read, with its name.
func reason(path string, err error) string {
	var perr *fs.PathError
	if errors.As(err, &perr) {
		err = perr.Err
	}
	return printable(path) + ": " + err.Error()
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./+:@%,=-]+$`)

// shellWord is s for a command line that people paste.
func shellWord(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
