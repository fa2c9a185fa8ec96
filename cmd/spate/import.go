package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spate"
	"spate/cmd/spate/importrrd"
)

// An importRequest is one command line of `spate import rrd`.
type importRequest struct {
	path, device, port, mapping string
	dry                         bool
}

func importCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "import", Short: "Take over the history of another tool"}
	var r importRequest
	rrd := &cobra.Command{
		Use:   "rrd FILE -device D -port P | rrd DIR -map FILE.csv",
		Short: "Take over round-robin files of LibreNMS, Cacti or MRTG",
		Long: "Reads round-robin files with rrdtool and gives their means and peaks to the running Spate. What it has stored\n" +
			"itself stays; doing it again changes nothing. For a folder, a file of lines \"file,device,port\" says which port\n" +
			"each is of; without it the command prints one to fill in.",
		Args: cobra.ExactArgs(1),
		RunE: a.does(func(ctx context.Context, args []string) error {
			r.path = args[0]
			return a.importRRD(ctx, r)
		}),
	}
	f := rrd.Flags()
	f.StringVar(&r.device, "device", "", "device the file is of")
	f.StringVar(&r.port, "port", "", "ifName the file is of")
	f.StringVar(&r.mapping, "map", "", "CSV of file,device,port")
	f.BoolVarP(&r.dry, "n", "n", false, "say what would be taken over, and take nothing")
	cmd.AddCommand(rrd)
	return cmd
}

// A mapped is a file and the port it is of.
type mapped struct {
	file string
	port spate.PortID
}

func (a *app) importRRD(ctx context.Context, r importRequest) error {
	info, err := os.Stat(r.path)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	single := !info.IsDir()
	switch {
	case single && (r.device == "" || r.port == ""):
		return a.misused("-device and -port are missing: whose history is %s?", r.path)
	case single:
		return a.importFiles(ctx, []mapped{{r.path, spate.PortID{Device: r.device, Name: r.port}}}, r.dry)
	case r.mapping == "":
		return a.printMap(ctx, r.path)
	}
	list, err := readMap(r.path, r.mapping)
	if err != nil {
		return err
	}
	return a.importFiles(ctx, list, r.dry)
}

// printMap prints the lines that say what is whose, with what helps to fill them in.
func (a *app) printMap(ctx context.Context, dir string) error {
	files, err := roundRobins(dir)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("import: no file in %s ends in .rrd", dir)
	}
	fmt.Fprintln(a.err, "Fill in device and port, delete what shall not be taken over, and give the file back with -map.")
	w := csv.NewWriter(a.out)
	rows := [][]string{{"file", "device", "port", "# last update, sources"}}
	for _, file := range files {
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		device, hint := "", ""
		if parent := filepath.Dir(name); spate.ValidDevice(parent) {
			device = parent // LibreNMS has a folder for each device
		}
		if f, err := importrrd.Read(ctx, file); err == nil {
			hint = fmt.Sprintf("# %s, %s", f.Last.Format(time.RFC3339), strings.Join(f.Sources[:min(len(f.Sources), 4)], " "))
		} else if ctx.Err() != nil {
			return ctx.Err()
		} else {
			hint = "# not readable"
		}
		rows = append(rows, []string{printable(name), device, "", hint})
	}
	if err := w.WriteAll(rows); err != nil {
		return fmt.Errorf("import: %w", err)
	}
	return nil
}

func roundRobins(dir string) (files []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.EqualFold(filepath.Ext(path), ".rrd") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	return files, nil
}

// readMap reads which file is whose. Files must lie in dir.
func readMap(dir, path string) (list []mapped, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("import: %s: %w", path, err)
	}
	for i, row := range rows {
		if i == 0 && len(row) > 0 && row[0] == "file" {
			continue
		}
		if len(row) < 3 || row[0] == "" || !spate.ValidDevice(row[1]) || row[2] == "" {
			return nil, fmt.Errorf("import: %s, line %d: wanted file,device,port with all three filled in", path, i+1)
		}
		if !filepath.IsLocal(row[0]) {
			return nil, fmt.Errorf("import: %s, line %d: %s is not in %s", path, i+1, printable(row[0]), dir)
		}
		list = append(list, mapped{filepath.Join(dir, row[0]), spate.PortID{Device: row[1], Name: row[2]}})
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("import: %s names no file", path)
	}
	return list, nil
}

// An imported says what came of it all.
type imported struct {
	Files   int `json:"files"`
	Failed  int `json:"failed"`
	Written int `json:"written"`
	Known   int `json:"known"`
	Old     int `json:"old"`
	Bad     int `json:"bad"`
}

func (a *app) importFiles(ctx context.Context, list []mapped, dry bool) error {
	c, err := a.newClient()
	if err != nil {
		return err
	}
	b := a.progress("import")
	var sum imported
	var failed error
	for i, m := range list {
		b.part(printable(filepath.Base(m.file)), float64(i)/float64(len(list)))
		err := a.importFile(ctx, c, m, dry, &sum)
		switch {
		case ctx.Err() != nil:
			b.done()
			return ctx.Err()
		case err != nil:
			sum.Failed++
			failed = errors.Join(failed, err)
		default:
			sum.Files++
		}
	}
	b.done()
	if err := a.tellImported(sum, dry); err != nil {
		return err
	}
	return failed
}

func (a *app) tellImported(sum imported, dry bool) error {
	if a.json {
		return a.printJSON(sum)
	}
	word := "taken over"
	if dry {
		word = "would be taken over"
	}
	fmt.Fprintf(a.out, "%d files: %d buckets %s", sum.Files, sum.Written, word)
	if sum.Known > 0 {
		fmt.Fprintf(a.out, ", %d were there already", sum.Known)
	}
	if sum.Old > 0 {
		fmt.Fprintf(a.out, ", %d are older than storage.retention", sum.Old)
	}
	if sum.Bad > 0 {
		fmt.Fprintf(a.out, ", %d are of no use", sum.Bad)
	}
	fmt.Fprintln(a.out)
	return nil
}

func (a *app) importFile(ctx context.Context, c *client, m mapped, dry bool, sum *imported) error {
	f, err := importrrd.Read(ctx, m.file)
	if err != nil {
		return err
	}
	histories, err := f.Histories(m.port)
	if err != nil {
		return fmt.Errorf("%s: %w", m.file, err)
	}
	var body bytes.Buffer
	zip := gzip.NewWriter(&body)
	for _, h := range histories {
		if dry {
			sum.Written += len(h.Buckets)
			continue
		}
		for part := range slices.Chunk(h.Buckets, mostSent) {
			h.Buckets = part
			line, err := historyLine(h)
			if err == nil {
				_, err = zip.Write(line)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", m.file, err)
			}
		}
	}
	if dry {
		return nil
	}
	if err := zip.Close(); err != nil {
		return fmt.Errorf("%s: %w", m.file, err)
	}
	answer, err := c.post(ctx, "/api/v1/import", "application/x-ndjson", &body)
	if err != nil {
		return fmt.Errorf("%s: %w", m.file, err)
	}
	var got imported
	if err := json.Unmarshal(answer, &got); err != nil {
		return fmt.Errorf("%s answers, but not as Spate does: check SPATE_URL", c)
	}
	sum.Written, sum.Known, sum.Old, sum.Bad = sum.Written+got.Written, sum.Known+got.Known, sum.Old+got.Old, sum.Bad+got.Bad
	return nil
}

// mostSent is how many buckets a line has at most, gaps not counted.
const mostSent = 20_000

// historyLine is a history as POST /api/v1/import takes it. A long gap ends in
// nulls, which pack well.
func historyLine(h spate.History) ([]byte, error) {
	length := 5 * time.Minute
	if h.Tier == spate.TierHour {
		length = time.Hour
	}
	from := h.Buckets[0].At
	n := int(h.Buckets[len(h.Buckets)-1].At.Sub(from)/length) + 1
	avg, most, known := make([]*float64, n), make([]*float64, n), make([]*float64, n)
	partly := false
	for i := range h.Buckets {
		b := &h.Buckets[i]
		at := int(b.At.Sub(from) / length)
		avg[at], most[at] = &b.Avg, &b.Max
		if b.Known > 0 {
			s := b.Known.Seconds()
			known[at], partly = &s, true
		}
	}
	line := map[string]any{
		"device": h.Port.Device, "port": h.Port.Name, "tier": h.Tier, "metric": h.Metric.String(),
		"from": from.Unix(), "step_s": int(length / time.Second), "avg": avg, "max": most,
	}
	if partly {
		line["known_s"] = known
	}
	text, err := json.Marshal(line)
	return append(text, '\n'), err
}
