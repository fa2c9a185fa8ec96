package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spate"
	"spate/storage"
	"spate/web"
)

func backupCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "backup DIR",
		Short: "Write the running Spate's store into a folder",
		Long: "Asks the running Spate to write all it has stored, as it is at this moment, into a folder that is new or\n" +
			"empty. The folder is of the machine that Spate runs on, and its user must be allowed to write there.",
		Args: cobra.ExactArgs(1),
		RunE: a.does(func(ctx context.Context, args []string) error { return a.backup(ctx, args[0]) }),
	}
}

// A backupLine is one line of the answer.
type backupLine struct {
	Done, Total int64
	Dir         string
	At          time.Time
	Files       int
	Error       string
}

func (a *app) backup(ctx context.Context, dir string) error {
	c, err := a.newClient()
	if err != nil {
		return err
	}
	path, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	body, err := json.Marshal(map[string]string{"dir": path})
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	resp, err := c.stream(ctx, "/api/v1/backup", string(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b := a.progress("backup")
	var last backupLine
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		last = backupLine{}
		if err := json.Unmarshal(lines.Bytes(), &last); err != nil {
			b.done()
			return fmt.Errorf("%s answers, but not as Spate does: check SPATE_URL", c)
		}
		if last.Total > 0 {
			b.part("backup", float64(last.Done)/float64(last.Total))
		}
	}
	b.done()
	switch {
	case lines.Err() != nil:
		return fmt.Errorf("the answer of %s broke off: %w: the backup is not whole", c, lines.Err())
	case last.Error != "":
		return errors.New(spate.Clean(last.Error))
	case last.Dir == "":
		return fmt.Errorf("the answer of %s broke off: the backup is not whole", c)
	}
	if a.json {
		return a.printJSON(map[string]any{"dir": last.Dir, "at": last.At, "files": last.Files, "bytes": last.Total})
	}
	fmt.Fprintf(a.out, "%s: %d files, %v, as of %s\n", printable(last.Dir), last.Files, spate.Octets(float64(last.Total)), last.At.Local().Format("2006-01-02 15:04:05"))
	return nil
}

// stream posts JSON and gives the answer as it comes.
func (c *client) stream(ctx context.Context, path, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath(path).String(), strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c, err)
	}
	req.Header.Set("Content-Type", "application/json")
	return c.streamed(req)
}

// streamed asks, and leaves the answer to be read.
func (c *client) streamed(req *http.Request) (*http.Response, error) {
	c.dress(req)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(err, askTimeout)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		if err != nil {
			return nil, fmt.Errorf("the answer of %s broke off: %w", c, err)
		}
		return nil, c.refused(resp, text)
	}
	return resp, nil
}

func restoreCommand(a *app) *cobra.Command {
	var file string
	var aside bool
	cmd := &cobra.Command{
		Use:   "restore DIR",
		Short: "Put a backup where Spate keeps its store",
		Long: "Copies a backup to storage.path and compares every file with what was written. Spate must not run. What is\n" +
			"there stays: the folder must be new or empty, or -force moves it aside.",
		Args: cobra.ExactArgs(1),
		RunE: a.does(func(ctx context.Context, args []string) error { return a.restore(ctx, args[0], file, aside) }),
	}
	configFlag(cmd, &file)
	cmd.Flags().BoolVar(&aside, "force", false, "move aside what is in storage.path")
	return cmd
}

func (a *app) restore(ctx context.Context, dir, file string, aside bool) error {
	cfg, _, err := a.load(file)
	if err != nil {
		return err
	}
	b := a.progress("restore")
	m, moved, err := storage.Restore(ctx, dir, cfg.Storage.Path, aside, func(done, total int64) { b.part("restore", float64(done)/float64(max(total, 1))) })
	b.done()
	if moved != "" {
		fmt.Fprintf(a.err, "what was in %s is now %s\n", cfg.Storage.Path, moved)
	}
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"path": cfg.Storage.Path, "at": m.At, "files": len(m.Files), "bytes": m.Bytes(), "moved": moved})
	}
	fmt.Fprintf(a.out, "%s is the store of %s, %v: start Spate\n", cfg.Storage.Path, m.At.Local().Format("2006-01-02 15:04:05"), spate.Octets(float64(m.Bytes())))
	return nil
}

// backup is what POST /api/v1/backup does.
func (s *site) backup(ctx context.Context, dir string, progress func(done, total int64)) (web.BackupResult, error) {
	m, err := s.store.Backup(ctx, dir, version, []storage.Extra{{Name: stateFile, Write: s.state.Copy}}, progress)
	if err != nil {
		return web.BackupResult{}, err
	}
	return web.BackupResult{Dir: dir, At: m.At, Files: len(m.Files), Bytes: m.Bytes()}, nil
}
