package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"spate"
)

// topOrders are the values of -by, as the API takes them.
func topOrders() []string {
	return []string{"factor", "bps", "in_bps", "out_bps", "pps", "in_pps", "out_pps", "bcast", "errors"}
}

const mostTop = 1000 // the API gives no more

func topCommand(a *app) *cobra.Command {
	var by string
	var n int
	var all, live bool
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Show the busiest ports now",
		Args:  cobra.NoArgs,
		RunE: a.does(func(ctx context.Context, _ []string) error {
			if !slices.Contains(topOrders(), by) {
				return a.misused("-by %q, wanted one of %s", by, strings.Join(topOrders(), ", "))
			}
			if n < 1 || n > mostTop {
				return a.misused("-n %d, wanted 1 to %d", n, mostTop)
			}
			if live {
				return a.liveTop(ctx, by, n, all)
			}
			return a.top(ctx, by, n, all)
		}),
	}
	cmd.Flags().StringVar(&by, "by", "factor", "order: "+strings.Join(topOrders(), ", "))
	cmd.Flags().IntVarP(&n, "n", "n", 20, "how many")
	cmd.Flags().BoolVar(&all, "all", false, "with LAG members, SVIs and sub-units, whose parent counts the same octets")
	cmd.Flags().BoolVar(&live, "live", false, "stay, and show them anew every two seconds until Ctrl-C")
	return cmd
}

// topPort is what the table needs of a port; null stays nil.
type topPort struct {
	Device   string   `json:"device"`
	Port     string   `json:"port"`
	Alias    string   `json:"alias"`
	SpeedBps *float64 `json:"speed_bps"`
	Gap      *string  `json:"gap"`
	Factor   *float64 `json:"factor"`
	Rate     *topRate `json:"rate"`
	Mark     *topMark `json:"mark"`
}

type topMark struct{ Text string }

type topRate struct {
	InBps       *float64 `json:"in_bps"`
	OutBps      *float64 `json:"out_bps"`
	InPps       *float64 `json:"in_pps"`
	OutPps      *float64 `json:"out_pps"`
	InMcastPps  *float64 `json:"in_mcast_pps"`
	InBcastPps  *float64 `json:"in_bcast_pps"`
	InErrors    *float64 `json:"in_errors_ps"`
	OutErrors   *float64 `json:"out_errors_ps"`
	InDiscards  *float64 `json:"in_discards_ps"`
	OutDiscards *float64 `json:"out_discards_ps"`
}

func (a *app) top(ctx context.Context, by string, n int, all bool) error {
	c, err := a.newClient()
	if err != nil {
		return err
	}
	query := url.Values{"by": {by}, "n": {strconv.Itoa(n)}}
	if all {
		query.Set("all", "1")
	}
	body, err := c.get(ctx, "/api/v1/top", query, "application/json")
	if err != nil {
		return err
	}
	var answer struct {
		Ports []topPort `json:"ports"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("the answer of %s is no list of ports: %w", c, err)
	}
	if a.json {
		return a.passOn(c, body)
	}
	if len(answer.Ports) == 0 {
		_, err := fmt.Fprintln(a.out, "no port yet: the first rates come with the second poll")
		return err
	}
	return a.printTop(answer.Ports, by)
}

func (a *app) printTop(ports []topPort, by string) error {
	t := table{
		head:  []string{"DEVICE", "PORT", "IN", "OUT", "USED", "FACTOR", extraHead(by), "ALIAS"},
		right: []bool{false, false, true, true, true, true, true, false},
	}
	t.width, _ = terminal(a.out)
	for _, p := range ports {
		alias := p.Alias
		if p.Mark != nil {
			alias = "▲ " + p.Mark.Text + "  " + alias
		}
		r := p.Rate
		if r == nil {
			r = &topRate{}
			if p.Gap != nil {
				alias = "(no rate: " + strings.ReplaceAll(*p.Gap, "_", " ") + ")  " + alias
			}
		}
		t.add(p.Device, p.Port, bitRate(r.InBps), bitRate(r.OutBps), used(r, p.SpeedBps), factor(p.Factor), extra(by, r), alias)
	}
	var mark func(int, string) string
	if a.colours(a.out) {
		mark = func(row int, line string) string {
			if ports[row].Mark == nil {
				return line
			}
			return "\x1b[31m" + line + "\x1b[0m"
		}
	}
	return t.write(a.out, mark)
}

func extraHead(by string) string {
	switch by {
	case "bcast":
		return "IN BCAST+MCAST"
	case "errors":
		return "ERRORS+DISCARDS"
	}
	return "PACKETS"
}

func extra(by string, r *topRate) string {
	switch by {
	case "bcast":
		return spate.PacketRate(sum(r.InBcastPps, r.InMcastPps)).String()
	case "errors":
		return spate.FormatSI(sum(r.InErrors, r.OutErrors, r.InDiscards, r.OutDiscards), "/s")
	}
	return spate.PacketRate(most(r.InPps, r.OutPps)).String()
}

// sum of what is known, NaN where nothing is.
func sum(values ...*float64) float64 {
	total := math.NaN()
	for _, v := range values {
		switch {
		case v == nil:
		case math.IsNaN(total):
			total = *v
		default:
			total += *v
		}
	}
	return total
}

func most(values ...*float64) float64 {
	largest := math.NaN()
	for _, v := range values {
		if v != nil && !(*v <= largest) {
			largest = *v
		}
	}
	return largest
}

func bitRate(v *float64) string { return spate.BitRate(most(v)).String() }

func used(r *topRate, speed *float64) string {
	busiest := most(r.InBps, r.OutBps)
	if speed == nil || *speed <= 0 || math.IsNaN(busiest) {
		return "-"
	}
	return strconv.FormatFloat(100*busiest / *speed, 'f', 1, 64) + " %"
}

func factor(v *float64) string {
	if v == nil {
		return "-"
	}
	return strconv.FormatFloat(*v, 'f', 1, 64) + "x"
}
