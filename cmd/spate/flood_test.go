package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"spate"
	"spate/cmd/spate/config"
	"spate/lab/fabric"
	"spate/lab/live"
	"spate/web"
)

// playground is a simulated network answered over UDP, and all of Spate that
// watches it, with a week behind it.
type playground struct {
	net  *live.Network
	site *site
	url  string
}

func newPlayground(t *testing.T, shape fabric.Shape, interval time.Duration, days int, change ...func(*config.Config)) *playground {
	t.Helper()
	cfg, err := config.Loader{Env: func(string) (string, bool) { return "", false }}.Defaults()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Storage.Path, cfg.Poller.Interval, cfg.Host.Enabled, cfg.Detect.CloseAfter = t.TempDir(), interval, false, 4*time.Second
	shape.Start = time.Now().In(cfg.Server.Location)
	net, err := live.New(shape)
	if err != nil {
		t.Fatal(err)
	}
	targets(cfg, net)
	for _, do := range change {
		do(cfg)
	}
	s, err := newSite(cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	past := shape
	past.Start, past.Step = shape.Start.AddDate(0, 0, -days).Truncate(demoStep), demoStep
	twin := fabric.New(past)
	for twin.Now().Before(shape.Start.Add(-demoStep)) {
		twin.Advance(twin.Now().Add(demoStep))
		pollAll(twin, demoStep, func(r *spate.Round) { s.watch.baselines.Judge(r) })
	}
	listener, err := listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	webConfig, err := serverConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := web.New(webConfig, s.deps())
	s.eyes.server.Store(server)
	ctx, cancel := context.WithCancel(context.Background())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return ended(ctx, net.Run(ctx)) })
	group.Go(func() error { return ended(ctx, server.Run(ctx, listener)) })
	s.run(ctx, group)
	t.Cleanup(func() {
		cancel()
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	p := &playground{net, s, "http://" + listener.Addr().String()}
	p.wait(t, 2*time.Minute, "every device answers and all links are known", func() bool { return s.network.View().Settled })
	time.Sleep(5 * interval) // the last windows fill
	return p
}

func (p *playground) wait(t *testing.T, most time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > most {
			t.Fatalf("%s: not within %v", what, most)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return time.Since(began)
}

// named are the origins that the API tells now.
func (p *playground) named(t *testing.T) []spate.PortID {
	t.Helper()
	answer, err := http.Get(p.url + "/api/v1/suspects")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var got struct {
		Suspects []struct{ Device, Port string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	var out []spate.PortID
	for _, s := range got.Suspects {
		out = append(out, spate.PortID{Device: s.Device, Name: s.Port})
	}
	return out
}

// flood begins one and measures how long it takes until its port is named.
func (p *playground) flood(t *testing.T, kind fabric.FloodKind, lasts, patience time.Duration) (took time.Duration, named bool) {
	t.Helper()
	f := p.net.Begin(kind, 0, lasts)
	began := time.Now()
	for time.Since(began) < patience {
		if got := p.named(t); len(got) > 0 && slices.Contains(f.OriginIDs(), got[0]) {
			return time.Since(began), true
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("%s from %v: named are %v", kind, f.OriginIDs(), p.named(t))
	return time.Since(began), false
}

// floods runs some and gives how long each took, sorted; what was not named takes
// as long as the patience.
func (p *playground) floods(t *testing.T, count int, lasts, patience time.Duration) []time.Duration {
	t.Helper()
	kinds := []fabric.FloodKind{fabric.ToOutside, fabric.ToHost, fabric.SmallPkts, fabric.Inbound, fabric.Storm, fabric.Bots, fabric.Loop, fabric.ToVLAN}
	var all []time.Duration
	for i := range count {
		before := p.incidents(t)
		kind := kinds[i%len(kinds)]
		took, named := p.flood(t, kind, lasts, patience)
		all = append(all, took)
		time.Sleep(max(0, lasts-took)) // until its end
		p.over(t, lasts+2*time.Minute)
		fresh := p.incidents(t)[len(before):]
		t.Logf("%-18s named %v after %.1f s, %d incidents", kind, named, took.Seconds(), len(fresh))
		if len(fresh) != 1 {
			for _, in := range fresh {
				t.Logf("  %s %s %s", in.ID, in.Kind, in.Summary)
			}
			t.Errorf("%s: %d incidents, want 1", kind, len(fresh))
		}
	}
	slices.Sort(all)
	return all
}

// over waits until nothing is open.
func (p *playground) over(t *testing.T, most time.Duration) {
	t.Helper()
	for began := time.Now(); len(p.site.watch.desk.Open()) > 0; time.Sleep(100 * time.Millisecond) {
		if time.Since(began) < most {
			continue
		}
		for _, in := range p.site.watch.desk.Open() {
			t.Logf("open: %s %s %s, until %v", in.ID, in.Kind, in.Summary, in.EndedAt)
		}
		t.Fatalf("the incident is not closed after %v; named are %v", most, p.named(t))
	}
}

// incidents are all that are known, oldest first.
func (p *playground) incidents(t *testing.T) []*spate.Incident {
	t.Helper()
	var out []*spate.Incident
	err := p.site.watch.Between(time.Unix(0, 0), time.Now().Add(time.Hour), "", func(in *spate.Incident) bool {
		out = append(out, in)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(out, func(a, b *spate.Incident) int { return a.DetectedAt.Compare(b.DetectedAt) })
	return out
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// TestAFloodIsNamedInSeconds floods a network that is polled over UDP, from the
// agents' counters to the answer of the API. SPATE_LONG floods a hundred switches
// fifty times at polls of a second, and five times at polls of ten.
func TestAFloodIsNamedInSeconds(t *testing.T) {
	if testing.Short() {
		t.Skip("a network lives for a minute")
	}
	if os.Getenv("SPATE_LONG") == "" {
		p := newPlayground(t, fabric.Shape{Seed: 5, Step: 2 * time.Second, Borders: 1, Cores: 1, Pods: 1, Access: 3, Ports: 24, Fill: 0.7}, time.Second, 2)
		all := p.floods(t, 2, 10*time.Second, 20*time.Second)
		t.Logf("named after %v", all)
		if all[len(all)-1] >= 20*time.Second {
			t.Error("a flood was not named in 20 s")
		}
		return
	}
	shape := fabric.Shape{Seed: 6, Step: 2 * time.Second, Borders: 1, Cores: 1, Pods: 9, Access: 10, Ports: 48, Fill: 0.7, Bundles: true, Small: 6}
	for _, x := range []struct {
		interval, lasts, goal time.Duration
		floods                int
	}{{time.Second, 8 * time.Second, 5 * time.Second, 50}, {10 * time.Second, 30 * time.Second, 25 * time.Second, 5}} {
		t.Run(fmt.Sprintf("polls of %v", x.interval), func(t *testing.T) {
			p := newPlayground(t, shape, x.interval, 8)
			all := p.floods(t, x.floods, x.lasts, 2*x.goal)
			t.Logf("%d floods: named after %v (median), %v (95th), %v (all)", len(all), quantile(all, 0.5), quantile(all, 0.95), all[len(all)-1])
			if got := quantile(all, 0.95); got > x.goal {
				t.Errorf("the 95th percentile is %v, want %v", got, x.goal)
			}
		})
	}
}
