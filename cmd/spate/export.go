package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spate"
	"spate/web"
)

// An exportRequest is one command line of `spate export`.
type exportRequest struct {
	device   string
	ports    []string
	metrics  string
	from, to string
	step     time.Duration
	format   string
	output   string
}

func exportCommand(a *app) *cobra.Command {
	var r exportRequest
	cmd := &cobra.Command{
		Use:   "export -device D [-port P …] [-from -24h] [-o FILE]",
		Short: "Write stored rates as CSV or Prometheus text",
		Long: "Writes what is stored of a device's ports, one value a step, oldest first: CSV, or the text that\n" +
			"`promtool tsdb create-blocks-from openmetrics` takes. With -json, a JSON object a line.",
		Args: cobra.NoArgs,
		RunE: a.does(func(ctx context.Context, _ []string) error {
			switch {
			case r.device == "":
				return a.misused("-device is missing: whose rates?")
			case r.format != "csv" && r.format != "prometheus":
				return a.misused("-format %q, wanted csv or prometheus", r.format)
			case strings.ContainsAny(r.metrics, " \t") || r.metrics == "":
				return a.misused("-metrics %q, wanted names such as in_bps,out_bps without blanks", r.metrics)
			case r.step < time.Second:
				return a.misused("-step %v, wanted 1s or more", r.step)
			}
			return a.export(ctx, r)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&r.device, "device", "", "device")
	f.StringArrayVar(&r.ports, "port", nil, "ifName; may repeat (default all ports of the device)")
	f.StringVar(&r.metrics, "metrics", "in_bps,out_bps", "rates, separated by commas")
	f.StringVar(&r.from, "from", "-24h", "begin: RFC 3339, unix seconds, -24h, now-6h")
	f.StringVar(&r.to, "to", "now", "end, likewise")
	f.DurationVar(&r.step, "step", 10*time.Second, "length of a value, as far as the store has it so fine")
	f.StringVar(&r.format, "format", "csv", "csv or prometheus")
	f.StringVarP(&r.output, "o", "o", "", "file to write (default standard output)")
	return cmd
}

func (a *app) export(ctx context.Context, r exportRequest) (err error) {
	c, err := a.newClient()
	if err != nil {
		return err
	}
	if len(r.ports) == 0 {
		if r.ports, err = c.portsOf(ctx, r.device); err != nil {
			return err
		}
	}
	out := a.out
	if r.output != "" {
		f, err := os.Create(r.output)
		if err != nil {
			return fmt.Errorf("export: %w", err)
		}
		defer func() {
			if closed := f.Close(); err == nil && closed != nil {
				err = fmt.Errorf("export: %w", closed)
			}
		}()
		out = f
	}
	buffered := bufio.NewWriterSize(out, 1<<16)
	e := exporter{c: c, r: r}
	if e.from, e.to, err = r.between(time.Now()); err != nil {
		return a.misused("%w", err)
	}
	e.bar = a.progress("export")
	switch {
	case a.json:
		err = e.lines(ctx, buffered)
	case r.format == "csv":
		err = e.csv(ctx, buffered)
	default:
		err = e.prometheus(ctx, buffered)
	}
	e.bar.done()
	if err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

func (r *exportRequest) between(now time.Time) (from, to time.Time, err error) {
	from, ok := web.ParseTime(r.from, now)
	to, also := web.ParseTime(r.to, now)
	switch {
	case !ok:
		return from, to, fmt.Errorf("-from %q, wanted RFC 3339, unix seconds, -24h or now-6h", r.from)
	case !also:
		return from, to, fmt.Errorf("-to %q, wanted RFC 3339, unix seconds, -24h or now-6h", r.to)
	case !from.Before(to):
		return from, to, fmt.Errorf("-from %s is not before -to %s", r.from, r.to)
	}
	return from, to, nil
}

const mostListed = 100_000 // ports of a device

// portsOf lists the ports of a device.
func (c *client) portsOf(ctx context.Context, device string) (names []string, err error) {
	q := url.Values{"device": {device}, "limit": {"5000"}}
	for {
		body, err := c.get(ctx, "/api/v1/ports", q, "application/json")
		if err != nil {
			return nil, err
		}
		var page struct {
			Ports []struct{ Port string }
			Next  *string
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return nil, fmt.Errorf("%s answers, but not as Spate does: check SPATE_URL", c)
		}
		for _, p := range page.Ports {
			names = append(names, p.Port)
		}
		if page.Next == nil {
			return names, nil
		}
		if len(page.Ports) == 0 || len(names) > mostListed || *page.Next == q.Get("cursor") {
			return nil, fmt.Errorf("%s answers with a list that does not end: check SPATE_URL", c)
		}
		q.Set("cursor", *page.Next)
	}
}

// An exporter asks part by part, so that a year needs no more memory than a day.
type exporter struct {
	c        *client
	r        exportRequest
	from, to time.Time
	bar      bar
}

// An exportFrame is an answer of /api/v1/series.
type exportFrame struct {
	From   time.Time
	To     time.Time
	StepS  float64 `json:"step_s"`
	Series map[string]struct{ Avg, Max []*float64 }
}

const mostValues = 4096 // of one answer

// parts asks for a port's metrics, oldest first, and hands each answer on.
func (e *exporter) parts(ctx context.Context, port, metrics string, use func(f *exportFrame) error) error {
	ask := func(from, to string, width int) (*exportFrame, error) {
		q := url.Values{"device": {e.r.device}, "port": {port}, "metrics": {metrics}, "from": {from}, "to": {to}, "width": {strconv.Itoa(width)}}
		body, err := e.c.get(ctx, "/api/v1/series", q, "application/json")
		if err != nil {
			return nil, err
		}
		var f exportFrame
		if err := json.Unmarshal(body, &f); err != nil || f.StepS <= 0 {
			return nil, fmt.Errorf("%s answers, but not as Spate does: check SPATE_URL", e.c)
		}
		for m := range strings.SplitSeq(metrics, ",") {
			if _, ok := f.Series[m]; !ok {
				return nil, fmt.Errorf("%s answers, but without %s: check -metrics", e.c, printable(m))
			}
		}
		return &f, nil
	}
	stamp := func(t time.Time) string { return t.Format(time.RFC3339Nano) }
	for from := e.from; from.Before(e.to); {
		to := from.Add(mostValues / 2 * e.r.step)
		if to.After(e.to) {
			to = e.to
		}
		f, err := ask(stamp(from), stamp(to), max(int(to.Sub(from)/e.r.step), 1))
		if err != nil {
			return err
		}
		if !f.To.After(from) || f.values() == 0 {
			return fmt.Errorf("%s answers, but not as Spate does: check SPATE_URL", e.c)
		}
		if err := use(f); err != nil {
			return fmt.Errorf("export: %w", err)
		}
		if from = to; f.To.After(to) {
			from = f.To
		}
	}
	return nil
}

func (e *exporter) csv(ctx context.Context, out io.Writer) error {
	w := csv.NewWriter(out)
	metrics := strings.Split(e.r.metrics, ",")
	head := []string{"time", "device", "port"}
	for _, m := range metrics {
		head = append(head, m+"_avg", m+"_max")
	}
	if err := w.Write(head); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	for i, port := range e.r.ports {
		e.bar.part(printable(port), float64(i)/float64(len(e.r.ports)))
		err := e.parts(ctx, port, e.r.metrics, func(f *exportFrame) error {
			for i := range f.values() {
				row := []string{f.at(i).UTC().Format(time.RFC3339), spate.SheetCell(e.r.device), spate.SheetCell(printable(port))}
				some := false
				for _, m := range metrics {
					s := f.Series[m]
					row = append(row, figure(s.Avg[i]), figure(s.Max[i]))
					some = some || s.Avg[i] != nil
				}
				if !some {
					continue
				}
				if err := w.Write(row); err != nil {
					return err
				}
			}
			w.Flush()
			return w.Error()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lines writes a JSON object for each row that the CSV has.
func (e *exporter) lines(ctx context.Context, out io.Writer) error {
	for i, port := range e.r.ports {
		e.bar.part(printable(port), float64(i)/float64(len(e.r.ports)))
		err := e.parts(ctx, port, e.r.metrics, func(f *exportFrame) error {
			for i := range f.values() {
				row := map[string]any{"time": f.at(i).UTC().Format(time.RFC3339), "device": e.r.device, "port": port}
				some := false
				for m, s := range f.Series {
					row[m+"_avg"], row[m+"_max"] = s.Avg[i], s.Max[i]
					some = some || s.Avg[i] != nil
				}
				if !some {
					continue
				}
				text, err := json.Marshal(row)
				if err != nil {
					return err
				}
				if _, err := io.WriteString(out, tame(text)+"\n"); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// prometheus writes OpenMetrics: each metric once, all of its series below it, a
// value at the end of the time it is of.
func (e *exporter) prometheus(ctx context.Context, out io.Writer) error {
	metrics := strings.Split(e.r.metrics, ",")
	for n, m := range metrics {
		if _, err := fmt.Fprintf(out, "# TYPE spate_%s gauge\n", m); err != nil {
			return fmt.Errorf("export: %w", err)
		}
		for i, port := range e.r.ports {
			e.bar.part(printable(port), float64(n*len(e.r.ports)+i)/float64(len(metrics)*len(e.r.ports)))
			err := e.parts(ctx, port, m, func(f *exportFrame) error {
				for i, v := range f.Series[m].Avg {
					if v == nil {
						continue
					}
					_, err := fmt.Fprintf(out, "spate_%s{device=\"%s\",ifName=\"%s\"} %s %s\n", m, labelText(e.r.device), labelText(port),
						figure(v), strconv.FormatFloat(float64(f.at(i+1).UnixMilli())/1000, 'f', -1, 64))
					if err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	if _, err := io.WriteString(out, "# EOF\n"); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

// values is how many each list has; 0 where they differ, which is no answer.
func (f *exportFrame) values() int {
	n := -1
	for _, s := range f.Series {
		if n >= 0 && len(s.Avg) != n || len(s.Max) != len(s.Avg) {
			return 0
		}
		n = len(s.Avg)
	}
	return max(n, 0)
}

// at is when value i begins.
func (f *exportFrame) at(i int) time.Time {
	return f.From.Add(time.Duration(float64(i) * f.StepS * float64(time.Second)))
}

func figure(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', -1, 64)
}

// labelText is a label's value in OpenMetrics.
func labelText(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(spate.Clean(s))
}
