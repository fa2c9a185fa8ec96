// Licences prints the licence of every module that is linked into a program:
//
//	go run ./packaging/licences bin/spate > THIRD-PARTY.txt
//
// It fails where a module has none, or one that nobody has looked at.
package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("wanted: licences MODULE-CACHE PROGRAM [FILE…]")
	}
	info, err := buildinfo.ReadFile(args[1])
	if err != nil {
		return err
	}
	type part struct{ name, text string }
	var parts []part
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		text, err := licence(filepath.Join(args[0], escape(m.Path)+"@"+escape(m.Version)))
		if err != nil {
			return fmt.Errorf("%s %s: %w", m.Path, m.Version, err)
		}
		parts = append(parts, part{m.Path + " " + m.Version, text})
	}
	for _, file := range args[2:] { // what is not Go: uPlot
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		parts = append(parts, part{filepath.Base(filepath.Dir(file)), string(text)})
	}
	slices.SortFunc(parts, func(a, b part) int { return strings.Compare(a.name, b.name) })
	fmt.Println("Spate contains the following parts, under their own licences.")
	for _, p := range parts {
		kind := kindOf(p.text)
		if kind == "" {
			return fmt.Errorf("%s has a licence that nobody has looked at", p.name)
		}
		fmt.Printf("\n%s\n%s (%s)\n\n%s\n", strings.Repeat("=", 78), p.name, kind, strings.TrimSpace(p.text))
	}
	return nil
}

// escape writes capitals as the module cache does: !a for A.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsUpper(r) {
			b.WriteByte('!')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)([.-].*)?$`)

func licence(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var texts []string
	for _, e := range entries {
		if e.IsDir() || !licenceFile.MatchString(e.Name()) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		texts = append(texts, string(b))
	}
	if len(texts) == 0 {
		return "", errors.New("no licence in " + dir)
	}
	return strings.Join(texts, "\n\n"), nil
}

// kindOf names a licence by words that it alone has.
func kindOf(text string) string {
	flat := strings.Join(strings.Fields(text), " ")
	for _, k := range []struct{ words, name string }{
		{"Apache License", "Apache-2.0"}, {"Mozilla Public License", "MPL-2.0"},
		{"Permission is hereby granted, free of charge, to any person obtaining", "MIT"},
		{"Permission to use, copy, modify, and/or distribute this software for any purpose", "ISC"},
		{"Permission to use, copy, modify, and distribute this software for any purpose", "ISC"},
		{"Redistribution and use in source and binary forms", "BSD"},
		{"This is free and unencumbered software", "Unlicense"},
		{"Creative Commons Attribution 4.0", "CC-BY-4.0"}, {"creativecommons.org/licenses/by/4.0", "CC-BY-4.0"}, {"SIL OPEN FONT LICENSE", "OFL-1.1"}, {"SIL Open Font License", "OFL-1.1"}, {"FreeType", "FTL"},
	} {
		if strings.Contains(flat, k.words) {
			return k.name
		}
	}
	return ""
}
