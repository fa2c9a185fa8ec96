package storage_test

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/storage"
	"spate/storage/storagetest"
)

var gi1 = spate.PortID{Device: "sw-1", Name: "Gi1/0/1"}

func round(id spate.PortID, end time.Time, over time.Duration, bps float64) *spate.Round {
	r := spate.Rate{At: end, Over: over}
	for m := range r.Values {
		r.Values[m] = math.NaN()
	}
	r.Values[spate.InBps] = bps
	return &spate.Round{Device: spate.Device{Name: id.Device}, At: end, Readings: []spate.Reading{{Port: &spate.Port{ID: id}, Rate: r}}}
}

func put(t testing.TB, e *storage.Embedded, r *spate.Round) {
	t.Helper()
	if err := e.Write(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

func flush(t testing.TB, e *storage.Embedded) {
	t.Helper()
	if err := e.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// What the wire carried is what the store holds, however the polls fall.
func TestVolumeIsKeptWhateverThePollsAre(t *testing.T) {
	e := open(t, config(t.TempDir()))
	rnd := rand.New(rand.NewPCG(7, 7))
	for p := range 20 {
		id := spate.PortID{Device: "sw-1", Name: "port " + string(rune('a'+p))}
		start := storagetest.Start()
		at := start
		carried := 0.0 // bits up to the last full slot
		last := start.Add(time.Hour)
		for at.Before(last) {
			over := time.Duration(50+rnd.IntN(10_000*(1+p))) * time.Millisecond
			bps := float64(rnd.IntN(1e9))
			end := at.Add(over)
			put(t, e, round(id, end, over, bps))
			carried += bps * (min(end.Sub(start), time.Hour) - at.Sub(start)).Seconds()
			at = end
		}
		flush(t, e)
		s := ask(t, e, id, start, last, 10).Series[0].Stats
		if got := s.Total * 8; math.Abs(got-carried) > 360*10 { // half a bit/s a slot of rounding, at most
			t.Errorf("polls up to %d s apart: %.0f bits stored, %.0f carried", 10*(1+p), got, carried)
		}
	}
}

func TestAFullQueueDropsAndCounts(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.Queue = 1
	cfg.Metrics = metrics.NewSet()
	var asked atomic.Int64
	entered, gate := make(chan struct{}), make(chan struct{})
	cfg.FreeSpace = func(string) (uint64, uint64, error) {
		if asked.Add(1) == 3 { // 1 and 2 are Open's, 3 the writer's: it stands still
			close(entered)
			<-gate
		}
		return 1 << 40, 1 << 40, nil
	}
	e := open(t, cfg)
	<-entered
	before := e.Status().Dropped
	for range 10 {
		e.Accept(t.Context(), round(gi1, storagetest.Start(), 10*time.Second, 1))
	}
	if got := e.Status().Dropped - before; got < 9 {
		t.Errorf("%d of 10 rounds dropped with a queue of 1 that stands still, want 9 or 10", got)
	}
	close(gate)
	flush(t, e)
	var text strings.Builder
	cfg.Metrics.WritePrometheus(&text)
	if st := e.Status(); st.Ports != 1 || st.Queued != 0 {
		t.Errorf("status after the queue was emptied: %+v", st)
	}
	for _, want := range []string{`spate_queue_dropped_total{queue="store"} `, "spate_store_read_only 0", "spate_store_rows_total ", "spate_store_ports 1"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("metrics lack %q:\n%s", want, &text)
		}
	}
}

func TestAFullDiskStopsWritingAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	cfg := config(dir)
	cfg.MinFree = 100 << 20
	var free atomic.Uint64
	free.Store(1 << 40)
	cfg.FreeSpace = func(string) (uint64, uint64, error) { return free.Load(), 1 << 40, nil }
	e := open(t, cfg)
	base := storagetest.Start()
	slot := func(i int, bps float64) {
		put(t, e, round(gi1, base.Add(time.Duration(i+1)*10*time.Second), 10*time.Second, bps))
	}

	slot(0, 1e6)
	flush(t, e)
	free.Store(99 << 20)
	flush(t, e)
	for i := 1; i <= 100; i++ { // the ring holds 90
		slot(i, 123456789012)
	}
	flush(t, e)
	st := e.Status()
	if !st.ReadOnly || !strings.Contains(st.Reason, "min_free") || !strings.Contains(st.Reason, dir) || st.Refused != 100 {
		t.Errorf("status of a full disk: %+v", st)
	}
	f := ask(t, e, gi1, base, base.Add(1010*time.Second), 4096)
	if got := f.Series[0].Avg[100]; math.Abs(got-123456789012) > 8192 {
		t.Errorf("the newest slot from memory is %v, want 123456789012 to 24 bits", got)
	}
	if r, ok := e.Latest(gi1); !ok || r.Values[spate.InBps] != 123456789012 {
		t.Errorf("newest rate %v %v", r, ok)
	}

	free.Store(102 << 20) // above the limit, below its margin
	flush(t, e)
	if !e.Status().ReadOnly {
		t.Error("writes again at once: it would open and close with every merge")
	}
	if why := e.Status().Reason; !strings.Contains(why, "wanted before it writes again") {
		t.Errorf("more than min_free is free, and the reason is %q", why)
	}
	free.Store(1 << 40)
	flush(t, e)
	slot(101, 5)
	flush(t, e)
	if st := e.Status(); st.ReadOnly || st.Reason != "" {
		t.Errorf("status after space is back: %+v", st)
	}
	e.Close()
	e = open(t, cfg) // from disk alone
	v := ask(t, e, gi1, base, base.Add(1020*time.Second), 4096).Series[0].Avg
	if v[0] != 1e6 || v[101] != 5 {
		t.Errorf("before and after the full disk: %v and %v, want 1e6 and 5", v[0], v[101])
	}
	if !math.IsNaN(v[5]) || math.Abs(v[50]-123456789012) > 8192 {
		t.Errorf("of the time without disk: slot 5 %v, want a gap; slot 50 %v, want what memory had", v[5], v[50])
	}
}

func TestNewestSlotsAreSeenBeforeTheEngineShowsThem(t *testing.T) {
	e := open(t, config(t.TempDir()))
	base := storagetest.Start()
	for i := range 10 {
		put(t, e, round(gi1, base.Add(time.Duration(i+1)*10*time.Second), 10*time.Second, float64(i)))
	}
	deadline := time.Now().Add(900 * time.Millisecond) // the engine gets rows once a second, and shows them later
	for {
		v := ask(t, e, gi1, base, base.Add(100*time.Second), 100).Series[0].Avg
		if v[9] == 9 && v[0] == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("slots %v, want 0 to 9", v)
		}
	}
}

func TestAClockSetBackLosesNothingNew(t *testing.T) {
	e := open(t, config(t.TempDir()))
	base := storagetest.Start()
	put(t, e, round(gi1, base.Add(10*time.Second), 10*time.Second, 1))
	put(t, e, round(gi1, base.Add(2*time.Hour), 10*time.Second, 2)) // our clock runs ahead
	put(t, e, round(gi1, base.Add(20*time.Second), 10*time.Second, 3))
	put(t, e, round(gi1, base.Add(30*time.Second), 10*time.Second, 4))
	flush(t, e)
	v := ask(t, e, gi1, base, base.Add(30*time.Second), 3).Series[0].Avg
	if v[0] != 1 || v[1] != 3 || v[2] != 4 {
		t.Errorf("slots %v, want 1 3 4", v)
	}
	if r, ok := e.Latest(gi1); !ok || !r.At.Equal(base.Add(30*time.Second)) {
		t.Errorf("newest rate %v, want the last accepted", r.At)
	}
}

func TestPortsThatFellSilentLeaveMemoryAndKeepTheirLastSlot(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.Forget = time.Hour
	e := open(t, cfg)
	base := storagetest.Start()
	other := spate.PortID{Device: "sw-2", Name: "Gi1/0/1"}
	put(t, e, round(gi1, base.Add(18*time.Second), 18*time.Second, 8)) // 8 s of the second slot
	for i := range 50 {
		put(t, e, round(other, base.Add(time.Duration(i)*2*time.Minute), 10*time.Second, 1))
	}
	flush(t, e)
	if n := e.Status().Ports; n != 1 {
		t.Errorf("%d ports in memory, want 1", n)
	}
	if _, ok := e.Latest(gi1); ok {
		t.Error("the silent port still has a newest rate")
	}
	v := ask(t, e, gi1, base, base.Add(20*time.Second), 2).Series[0].Avg
	if v[0] != 8 || v[1] != 8 {
		t.Errorf("slots %v, want 8 8", v)
	}
	seen := 0
	for id, r := range e.Newest() {
		if seen++; id != other || r.Values[spate.InBps] != 1 {
			t.Errorf("newest of %v: %v", id, r)
		}
	}
	if seen != 1 {
		t.Errorf("newest rates of %d ports, want 1", seen)
	}
}

func TestAQueryTooLargeIsRefusedAndACancelledOneEnds(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.MaxSamples = 100
	e := open(t, cfg)
	base := storagetest.Start()
	for i := range 200 {
		put(t, e, round(gi1, base.Add(time.Duration(i+1)*10*time.Second), 10*time.Second, 1))
	}
	flush(t, e)
	q := spate.Query{Ports: []spate.PortID{gi1}, Metrics: []spate.Metric{spate.InBps}, From: base, To: base.Add(2000 * time.Second), Width: 10}
	if _, err := e.Query(t.Context(), q); err == nil || !strings.Contains(err.Error(), storage.ErrTooLarge.Error()) {
		t.Errorf("200 samples with a limit of 100: error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	q.To = base.Add(500 * time.Second)
	if _, err := e.Query(ctx, q); err == nil {
		t.Error("a cancelled query answers")
	}
}

func TestWhatIsOutsideTheRetentionIsCounted(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.Metrics = metrics.NewSet()
	e := open(t, cfg)
	put(t, e, round(gi1, time.Now().Add(-11*365*24*time.Hour).Truncate(10*time.Second), 10*time.Second, 1))
	put(t, e, round(gi1, time.Now().Add(40*24*time.Hour).Truncate(10*time.Second), 10*time.Second, 1))
	flush(t, e)
	var text strings.Builder
	cfg.Metrics.WritePrometheus(&text)
	if want := `spate_store_slots_rejected_total{why="outside_retention"} 2`; !strings.Contains(text.String(), want) {
		t.Errorf("metrics lack %q:\n%s", want, &text)
	}
}

func TestStatusTellsTheOldestRowAfterARestartToo(t *testing.T) {
	cfg := config(t.TempDir())
	e := open(t, cfg)
	if st := e.Status(); !st.Oldest.IsZero() || st.Backend != "embedded" {
		t.Errorf("status of an empty store: %+v", st)
	}
	base := storagetest.Start()
	put(t, e, round(gi1, base.Add(10*time.Second), 10*time.Second, 1))
	flush(t, e)
	if st := e.Status(); !st.Oldest.Equal(base) {
		t.Errorf("oldest %v, want %v", st.Oldest, base)
	}
	e.Close()
	e = open(t, cfg)
	if st := e.Status(); !st.Oldest.Equal(base) || st.Bytes == 0 {
		t.Errorf("after a restart: oldest %v, %d octets, want %v and some", st.Oldest, st.Bytes, base)
	}
}

func TestCloseEndsEveryGoroutineOfOurs(t *testing.T) {
	e := open(t, config(t.TempDir()))
	put(t, e, round(gi1, storagetest.Start(), 10*time.Second, 1))
	e.Close()
	e.Close() // once more does no harm
	e.Accept(t.Context(), round(gi1, storagetest.Start(), 10*time.Second, 1))
	if got := e.Status().Dropped; got != 1 {
		t.Errorf("%d rounds dropped after the end, want 1", got)
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	if strings.Contains(string(stacks), "storage.(*writer)") {
		t.Errorf("the writer still runs:\n%s", stacks)
	}
}

// A backlog fills half the queue at most: what is polled meanwhile is kept nowhere else.
func TestABacklogLeavesRoomForWhatIsPolled(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.Queue = 64
	e := open(t, cfg)
	start := storagetest.Start()
	const n, feeders = 2000, 4
	var all sync.WaitGroup
	for k := range feeders {
		all.Go(func() {
			for i := range n {
				r := round(spate.PortID{Device: "web-17", Name: "user " + string(rune('a'+k))}, start.Add(time.Duration(i+1)*10*time.Second), 10*time.Second, 8)
				r.Backlog = true
				put(t, e, r)
			}
		})
	}
	const polls = 224
	for i := range polls {
		e.Accept(t.Context(), round(gi1, start.Add(time.Duration(i+1)*10*time.Second), 10*time.Second, 1000))
		if (i+1)%(cfg.Queue/2) == 0 {
			flush(t, e) // the other half of the queue is all that polls may count on
		}
	}
	all.Wait()
	flush(t, e)
	if d := e.Status().Dropped; d != 0 {
		t.Errorf("%d rounds are dropped", d)
	}
	for id, want := range map[spate.PortID]float64{{Device: "web-17", Name: "user a"}: n * 10, {Device: "web-17", Name: "user d"}: n * 10, gi1: polls * 1250} {
		f := ask(t, e, id, start, start.Add(n*10*time.Second), 4096)
		if got := f.Series[0].Stats.Total; got != want {
			t.Errorf("%s: %g octets, want %g", id, got, want)
		}
	}
}
