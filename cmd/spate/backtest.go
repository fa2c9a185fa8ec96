package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"spate"
)

func backtestCommand(a *app) *cobra.Command {
	var from, device string
	cmd := &cobra.Command{
		Use:   "backtest",
		Short: "Say what would have been marked and told of a time gone by",
		Long: "Asks a running Spate to run what it has stored through its detector as if it were happening: with the floors\n" +
			"and limits of the config file as they are now. Two weeks before the time are learned first.",
		Args: cobra.NoArgs,
		RunE: a.does(func(ctx context.Context, _ []string) error { return a.backtest(ctx, from, device) }),
	}
	cmd.Flags().StringVar(&from, "from", "-30d", "since when")
	cmd.Flags().StringVar(&device, "device", "", "one device only")
	return cmd
}

// A backtestLine is one line of the answer: how far it is, or all of it.
type backtestLine struct {
	Done   float64
	Error  string
	Result *struct {
		From, To, Learned time.Time
		Ports             int
		Marks             []struct {
			Device, Port, Text string
			Since, Until       time.Time
		}
		MoreMarks int `json:"more_marks"`
		Incidents []struct {
			Severity, Summary string
			Started           time.Time  `json:"started_at"`
			Ended             *time.Time `json:"ended_at"`
		}
	}
}

func (a *app) backtest(ctx context.Context, from, device string) error {
	c, err := a.newClient()
	if err != nil {
		return err
	}
	query := url.Values{"from": {from}}
	if device != "" {
		query.Set("device", device)
	}
	resp, err := c.follow(ctx, "/api/v1/backtest", query)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b := a.progress("backtest")
	var last backtestLine
	var text []byte
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		last = backtestLine{}
		if err := json.Unmarshal(lines.Bytes(), &last); err != nil {
			b.done()
			return fmt.Errorf("%s answers, but not as Spate does: check SPATE_URL", c)
		}
		text = append(text[:0], lines.Bytes()...)
		b.part("backtest", last.Done)
	}
	b.done()
	switch {
	case last.Error != "":
		return errors.New(spate.Clean(last.Error))
	case lines.Err() != nil || last.Result == nil:
		return fmt.Errorf("the answer of %s broke off: ask again", c)
	}
	if a.json {
		return a.passOn(c, text)
	}
	a.tellBacktest(&last)
	return nil
}

func (a *app) tellBacktest(l *backtestLine) {
	r := l.Result
	const day = "Mon 2 Jan 15:04"
	fmt.Fprintf(a.out, "%s to %s, %d ports; learned from %s on\n", r.From.Local().Format(day), r.To.Local().Format(day), r.Ports, r.Learned.Local().Format(day))
	paged := 0
	for _, in := range r.Incidents {
		if in.Severity != string(spate.Info) {
			paged++
		}
		fmt.Fprintf(a.out, "\n%s  %s\n  %s\n", in.Started.Local().Format(day), printable(in.Severity), printable(in.Summary))
	}
	if len(r.Incidents) == 0 {
		fmt.Fprintln(a.out, "\nNo incident.")
	}
	if len(r.Marks) > 0 {
		fmt.Fprintln(a.out, "\nMarks, which tell nobody:")
	}
	for _, m := range r.Marks {
		fmt.Fprintf(a.out, "%s  %-8v %s %s  %s\n", m.Since.Local().Format(day), m.Until.Sub(m.Since).Round(time.Minute), printable(m.Device), printable(m.Port), printable(m.Text))
	}
	if r.MoreMarks > 0 {
		fmt.Fprintf(a.out, "and %d more\n", r.MoreMarks)
	}
	fmt.Fprintf(a.out, "\n%d incidents, %d of them would have been told to people; %d marks\n", len(r.Incidents), paged, len(r.Marks)+r.MoreMarks)
}
