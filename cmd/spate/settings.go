package main

import (
	"io"
	"log/slog"

	"spate/cmd/spate/config"
)

// noConfigNote is said where there is no config file.
const noConfigNote = "no ./config.toml and no " + config.SystemFile + ": built-in defaults apply"

// load reads the config file that -config names, or the usual one, or the
// defaults; note says so in the last case.
func (a *app) load(given string) (cfg *config.Config, note string, err error) {
	return a.loadBy(config.Loader{Env: a.env}, given)
}

func (a *app) loadBy(loader config.Loader, given string) (cfg *config.Config, note string, err error) {
	path := config.Find(given)
	if path == "" {
		cfg, err = loader.Defaults()
		return cfg, noConfigNote, err
	}
	cfg, err = loader.Load(path)
	return cfg, "", err
}

// newLog writes what [log] asks for.
func newLog(l config.Log, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: l.Level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
