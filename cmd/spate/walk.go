package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/spf13/cobra"

	"spate"
	"spate/cmd/spate/config"
	"spate/poller"
)

func walkCommand(a *app) *cobra.Command {
	var file, fixture string
	cmd := &cobra.Command{
		Use:   "walk DEVICE|ADDRESS",
		Short: "Show what a device answers: tables, quirks, chosen columns",
		Long: "Walk reads a configured device by its name, or any address with [snmp.default], and shows its ports, where their counters are read from, what its agent does badly and how often it renews its counters.\n\n" +
			"With -o it writes what the device answers to a file that tests and snmpsim replay, with texts, names and MACs replaced, so that it can be shown to others.",
		Args: cobra.ExactArgs(1),
		RunE: a.does(func(ctx context.Context, args []string) error {
			cfg, _, err := a.load(file)
			if err != nil {
				return err
			}
			if fixture != "" {
				return a.fixture(ctx, cfg, args[0], fixture)
			}
			return a.walk(ctx, cfg, args[0])
		}),
	}
	configFlag(cmd, &file)
	cmd.Flags().StringVarP(&fixture, "output", "o", "", "write an anonymised `FILE` that tests can replay")
	return cmd
}

// walk reads one device, by its name in cfg or by address with [snmp.default].
func (a *app) walk(ctx context.Context, cfg *config.Config, device string) error {
	target, err := targetOf(cfg, device)
	if err != nil {
		return err
	}
	asking := newAsking(cfg.Poller)
	defer asking.sockets.Close()
	bar := a.progress(device)
	seen, err := asking.poller.Inspect(ctx, target, bar.part)
	bar.done()
	if err != nil {
		return err
	}
	if a.json {
		return json.NewEncoder(a.out).Encode(walkReport(target, seen, asking.counts))
	}
	return a.printWalk(walkReport(target, seen, asking.counts))
}

// fixture writes what a device answers to a file that does not exist yet.
func (a *app) fixture(ctx context.Context, cfg *config.Config, device, file string) error {
	target, err := targetOf(cfg, device)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the fixture: %w", err)
	}
	asking := newAsking(cfg.Poller)
	defer asking.sockets.Close()
	bar := a.progress(device)
	err = asking.poller.Fixture(ctx, target, out, bar.part)
	bar.done()
	if err := errors.Join(err, out.Close()); err != nil {
		_ = os.Remove(file) // half a fixture is none
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s written: read it before you pass it on\n", file)
	return err
}

// targetOf finds a device by its name; any other word is an address.
func targetOf(cfg *config.Config, device string) (poller.Target, error) {
	for _, t := range cfg.Targets {
		if t.Device.Name == device {
			return t, nil
		}
	}
	cred, ok := cfg.Credentials["default"]
	if !ok {
		return poller.Target{}, fmt.Errorf("no [[device]] is called %s, and there is no [snmp.default] to try it as an address", device)
	}
	return poller.Target{Device: spate.Device{Name: device, Address: device}, Credentials: cred}, nil
}

// asking is a poller for single questions, without a schedule.
type asking struct {
	counts  *poller.Counts
	sockets *poller.Sockets
	poller  *poller.Poller
}

func newAsking(cfg poller.Config) asking {
	counts := poller.NewCounts(metrics.NewSet())
	sockets := poller.NewSockets(counts.Reject)
	return asking{counts, sockets, poller.New(cfg, sockets, nil, counts, slog.New(slog.DiscardHandler))}
}

// report is what walk says, as JSON with -json.
type report struct {
	Device   string            `json:"device"`
	Address  string            `json:"address"`
	SysName  string            `json:"sys_name"`
	SysDescr string            `json:"sys_descr"`
	Vendor   string            `json:"vendor"`
	UptimeS  float64           `json:"uptime_s"`
	TookMS   float64           `json:"took_ms"`
	Packets  uint64            `json:"packets"`
	Requests int               `json:"requests_per_round"`
	RefreshS *float64          `json:"counter_refresh_s"` // null: not known
	Refresh  string            `json:"refresh"`
	Notes    []string          `json:"notes"`
	Rejected map[string]uint64 `json:"rejected"`
	Ports    []reportPort      `json:"ports"`
}

type reportPort struct {
	IfIndex     int      `json:"if_index"`
	Port        string   `json:"port"`
	Alias       string   `json:"alias"`
	Descr       string   `json:"descr"`
	Type        string   `json:"type"`
	SpeedBps    *float64 `json:"speed_bps"`
	SpeedSource string   `json:"speed_source"`
	Admin       string   `json:"admin"`
	Oper        string   `json:"oper"`
	Wide        []string `json:"counters_64"`
	Narrow      []string `json:"counters_32"`
	Polled      bool     `json:"polled"`
}

func walkReport(t poller.Target, in *poller.Inspection, counts *poller.Counts) report {
	s := in.Table.System
	r := report{
		Device: t.Device.Name, Address: t.Device.Address, SysName: s.Name, SysDescr: s.Descr, Vendor: s.Vendor,
		UptimeS: s.Uptime.Seconds(), TookMS: float64(in.Took.Microseconds()) / 1000, Packets: in.Packets,
		Requests: in.Requests, Notes: append([]string{}, in.Table.Notes...), Rejected: map[string]uint64{}, Ports: []reportPort{},
	}
	switch {
	case in.Refresh.Period > 0:
		seconds := in.Refresh.Period.Seconds()
		r.RefreshS, r.Refresh = &seconds, fmt.Sprintf("this device renews its counters every %v s", seconds)
	case in.Refresh.Live:
		r.Refresh = "counters move at every look: the device does not cache them"
	default:
		r.Refresh = "counters hardly moved while Spate looked: nothing can be said of how often they are renewed"
	}
	for _, why := range poller.Rejections() {
		if n := counts.Rejected(why); n > 0 {
			r.Rejected[string(why)] = n
		}
	}
	for _, row := range in.Table.Rows {
		r.Ports = append(r.Ports, reportRow(row))
	}
	return r
}

func reportRow(row poller.Row) reportPort {
	p := row.Port
	out := reportPort{
		IfIndex: p.IfIndex, Port: p.ID.Name, Alias: p.Alias, Descr: p.Descr, Type: p.Type, SpeedSource: string(p.SpeedSource),
		Admin: string(p.Admin), Oper: string(p.Oper), Wide: counterNames(p.Wide), Narrow: counterNames(p.Narrow), Polled: row.Wanted,
	}
	if p.Speed > 0 {
		speed := float64(p.Speed)
		out.SpeedBps = &speed
	}
	return out
}

func counterNames(s spate.CounterSet) []string {
	out := []string{}
	for c := range spate.NumCounters {
		if s.Has(c) {
			out = append(out, c.String())
		}
	}
	return out
}

func (a *app) printWalk(r report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s at %s: %s %s\n%s\n", printable(r.Device), printable(r.Address), printable(r.SysName), r.Vendor, printable(r.SysDescr))
	fmt.Fprintf(&b, "up %s; read in %.0f ms with %d requests; a round takes %d\n%s\n",
		spate.FormatAge(time.Duration(r.UptimeS*float64(time.Second))), r.TookMS, r.Packets, r.Requests, r.Refresh)
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	for why, n := range r.Rejected {
		fmt.Fprintf(&b, "rejected: %d answers (%s)\n", n, why)
	}
	b.WriteByte('\n')
	if _, err := io.WriteString(a.out, b.String()); err != nil {
		return err
	}
	out := table{
		head:  []string{"ifIndex", "port", "speed", "from", "admin", "oper", "64-bit", "32-bit", "type", "alias"},
		right: []bool{true, false, true, false, false, false, true, true, false, false},
	}
	out.width, _ = terminal(a.out)
	for _, p := range r.Ports {
		speed := "-"
		if p.SpeedBps != nil {
			speed = spate.BitRate(*p.SpeedBps).String()
		}
		out.add(fmt.Sprint(p.IfIndex), p.Port, speed, p.SpeedSource, p.Admin, p.Oper,
			fmt.Sprint(len(p.Wide)), fmt.Sprint(len(p.Narrow)), p.Type, p.Alias)
	}
	return out.write(a.out, nil)
}
