package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"spate/cmd/spate/config"
)

func checkCommand(a *app) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the config file and tell every error in it",
		Args:  cobra.NoArgs,
		RunE: a.does(func(_ context.Context, _ []string) error {
			return a.check(file)
		}),
	}
	configFlag(cmd, &file)
	return cmd
}

// A checkReport is what `spate check -json` prints.
type checkReport struct {
	OK      bool         `json:"ok"`
	Files   []string     `json:"files"`
	Devices int          `json:"devices"`
	Note    *string      `json:"note"`
	Errors  []checkError `json:"errors"`
}

type checkError struct {
	File   string `json:"file"`
	Line   int    `json:"line"` // 0: the file as a whole
	Column int    `json:"column"`
	Key    string `json:"key"`
	What   string `json:"what"`
	Wanted string `json:"wanted"`
}

func (a *app) check(file string) error {
	cfg, note, err := a.load(file)
	report := checkReport{OK: err == nil, Files: []string{}, Errors: []checkError{}}
	if note != "" {
		report.Note = &note
	}
	if err != nil {
		var broken config.Errors
		if !errors.As(err, &broken) {
			return err
		}
		a.report(err)
		for _, e := range broken {
			report.Errors = append(report.Errors, checkError{e.At.File, e.At.Line, e.At.Col, e.Key, e.What, e.Wanted})
		}
	} else {
		report.Files = append(report.Files, cfg.Files...)
		report.Devices = len(cfg.Targets)
	}
	if err := a.printCheck(report); err != nil {
		return err
	}
	if !report.OK {
		return errReported
	}
	return nil
}

func (a *app) printCheck(r checkReport) error {
	if a.json {
		return a.printJSON(r)
	}
	var err error
	switch {
	case r.Note != nil:
		_, err = fmt.Fprintln(a.out, *r.Note)
	case r.OK && len(r.Files) > 1:
		_, err = fmt.Fprintf(a.out, "%s: ok, %s, %d files\n", r.Files[0], plural(r.Devices, "device"), len(r.Files))
	case r.OK:
		_, err = fmt.Fprintf(a.out, "%s: ok, %s\n", r.Files[0], plural(r.Devices, "device"))
	}
	return err
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// printJSON writes v indented and on a line of its own.
func (a *app) printJSON(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(a.out, tame(b.Bytes()))
	return err
}
