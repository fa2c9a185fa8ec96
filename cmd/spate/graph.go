package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// A graphRequest is one command line of `spate graph`.
type graphRequest struct {
	device, port  string
	output        string
	from, to      string
	kind, theme   string
	width, height int
}

func graphCommand(a *app) *cobra.Command {
	var g graphRequest
	cmd := &cobra.Command{
		Use:   "graph DEVICE PORT -o FILE.png|FILE.svg",
		Short: "Write the picture of a port to a file",
		Args:  cobra.ExactArgs(2),
		RunE: a.does(func(ctx context.Context, args []string) error {
			g.device, g.port = args[0], args[1]
			if _, err := g.format(); err != nil {
				return a.misused("%w", err)
			}
			return a.graph(ctx, g)
		}),
	}
	f := cmd.Flags()
	f.StringVarP(&g.output, "o", "o", "", "file to write; its ending says PNG or SVG")
	f.StringVar(&g.from, "from", "-24h", "begin: RFC 3339, unix seconds, -24h, now-6h")
	f.StringVar(&g.to, "to", "now", "end, likewise")
	f.StringVar(&g.kind, "kind", "bits", "bits, packets or errors")
	f.StringVar(&g.theme, "theme", "", "light or dark")
	f.IntVar(&g.width, "width", 0, "pixels; 0 lets the server choose")
	f.IntVar(&g.height, "height", 0, "pixels; 0 lets the server choose")
	return cmd
}

// format is png or svg, by the name of the file.
func (g graphRequest) format() (string, error) {
	switch strings.ToLower(filepath.Ext(g.output)) {
	case ".png":
		return "png", nil
	case ".svg":
		return "svg", nil
	}
	if g.output == "" {
		return "", fmt.Errorf("-o is missing, wanted -o FILE.png or -o FILE.svg")
	}
	return "", fmt.Errorf("-o %q, wanted a name that ends in .png or .svg", g.output)
}

func (g graphRequest) query() url.Values {
	q := url.Values{"device": {g.device}, "port": {g.port}, "kind": {g.kind}, "from": {g.from}, "to": {g.to}}
	if g.theme != "" {
		q.Set("theme", g.theme)
	}
	if g.width > 0 {
		q.Set("w", strconv.Itoa(g.width))
	}
	if g.height > 0 {
		q.Set("h", strconv.Itoa(g.height))
	}
	return q
}

func (a *app) graph(ctx context.Context, g graphRequest) error {
	c, err := a.newClient()
	if err != nil {
		return err
	}
	format, err := g.format()
	if err != nil {
		return err
	}
	media := map[string]string{"png": "image/png", "svg": "image/svg+xml"}[format]
	picture, err := c.get(ctx, "/api/v1/graph."+format, g.query(), media)
	if err != nil {
		return err
	}
	if err := replaceFile(g.output, picture); err != nil {
		return fmt.Errorf("write %s: %w", printable(g.output), err)
	}
	if a.json {
		return a.printJSON(map[string]any{"file": g.output, "bytes": len(picture), "device": g.device, "port": g.port})
	}
	_, err = fmt.Fprintf(a.out, "%s: %s %s, %d bytes\n", printable(g.output), printable(g.device), printable(g.port), len(picture))
	return err
}

// replaceFile writes beside and renames, so that a reader of the old picture
// never sees half of the new one.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already when all went well
	_, err = f.Write(data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}
