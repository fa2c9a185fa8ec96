package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"spate/cmd/spate/config"
)

// Exit codes that scripts rely on.
const (
	exitOK    = 0
	exitError = 1
	exitFlood = 2  // of `spate who`
	exitUsage = 64 // EX_USAGE of sysexits.h
)

// An app is what every command works with: its streams and its environment.
type app struct {
	in       io.Reader
	out, err io.Writer
	env      func(name string) (string, bool)
	json     bool // -json
	running  bool // the command line was understood
}

// errReported ends a command with exit code 1 whose reasons are printed already.
var errReported = errors.New("reported")

// run executes one command line and gives its exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer, env func(string) (string, bool)) int {
	a := &app{in: in, out: out, err: errOut, env: env}
	root := newRoot(a)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	if len(args) == 0 {
		fmt.Fprint(errOut, root.UsageString())
		return exitUsage
	}
	root.SetArgs(doubleDashes(root, args))
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFlood):
		return exitFlood
	case errors.Is(err, errReported):
		return exitError
	case !a.running: // cobra refused the command line
		fmt.Fprintf(errOut, "%s: %v\ntry: %s -help\n", cmd.CommandPath(), err, cmd.CommandPath())
		return exitUsage
	}
	a.report(err)
	return exitError
}

// report prints why a command failed. Errors of the config file come as they
// are: they begin with the place to look at.
func (a *app) report(err error) {
	var broken config.Errors
	if errors.As(err, &broken) {
		fmt.Fprintln(a.err, broken)
		return
	}
	fmt.Fprintln(a.err, "spate:", err)
}

// does wraps a command: from here on an error is no matter of usage.
func (a *app) does(f func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		a.running = true
		return f(cmd.Context(), args)
	}
}

// misused is a wrong value on the command line that only the command can tell.
func (a *app) misused(format string, args ...any) error {
	a.running = false
	return fmt.Errorf(format, args...)
}

// terminal gives the width of the terminal that w is, or ok false.
func terminal(w io.Writer) (width int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	return width, err == nil && width > 0
}

// colours tells whether w may be written in colour. https://no-color.org says
// that any text in NO_COLOR turns it off.
func (a *app) colours(w io.Writer) bool {
	if v, _ := a.env("NO_COLOR"); v != "" {
		return false
	}
	if v, _ := a.env("TERM"); v == "dumb" {
		return false
	}
	_, ok := terminal(w)
	return ok
}
