package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	vm "github.com/VictoriaMetrics/VictoriaMetrics/lib/storage"
	"github.com/VictoriaMetrics/metrics"

	"spate"
)

// Remote is the store in a VictoriaMetrics, single node or cluster: rows go
// there by remote write through a queue on disk ([spool]), and are read back by
// its export. All else is as in [Embedded], and so are the answers: rates become
// slots here, the newest slots stay in the ring here, and while VictoriaMetrics
// is away they are answered for, and rows wait. Its methods may be called from
// many goroutines; Close waits for them.
type Remote struct {
	*store
	tiers []*remoteTier
	wait  time.Duration      // how long Close goes on sending
	hurry context.CancelFunc // ends that
	leave context.CancelFunc // ends questions
}

// RemoteConfig is what [storage.victoriametrics] of config.toml says. Of Config
// Path is where the queue lies; MinFree is what the queue leaves of its disk.
type RemoteConfig struct {
	Config
	Raw, FiveMinutes, Hour URLs
	Token                  spate.Secret // sent as a bearer to all of them; empty: user and password of the URL

	QueueMaxBytes int64         // of all tiers; the oldest rows are dropped beyond it
	QueueMaxAge   time.Duration // rows that waited longer are dropped

	Timeout               time.Duration // of one request
	RetryLeast, RetryMost time.Duration // between attempts
	CloseWait             time.Duration // how long Close goes on sending; the rest stays in the queue
}

// URLs are where one tier is written to and read from: …/api/v1/write, and what
// /api/v1/export is added to.
type URLs struct{ Write, Read spate.Secret }

// DefaultRemoteConfig is what an empty [storage.victoriametrics] means.
func DefaultRemoteConfig() RemoteConfig {
	c := DefaultConfig()
	c.MaxSamples = 20_000_000 // they are read in parts, but each takes the server and the wire
	return RemoteConfig{
		Config:        c,
		QueueMaxBytes: 1 << 30, QueueMaxAge: 48 * time.Hour,
		Timeout: 30 * time.Second, RetryLeast: time.Second, RetryMost: 30 * time.Second, CloseWait: 5 * time.Second,
	}
}

func (c RemoteConfig) filled() (RemoteConfig, error) {
	d := DefaultRemoteConfig()
	orDefault(&c.QueueMaxBytes, d.QueueMaxBytes)
	orDefault(&c.QueueMaxAge, d.QueueMaxAge)
	orDefault(&c.Timeout, d.Timeout)
	orDefault(&c.RetryLeast, d.RetryLeast)
	orDefault(&c.RetryMost, d.RetryMost)
	orDefault(&c.CloseWait, d.CloseWait)
	orDefault(&c.MaxSamples, d.MaxSamples)
	var err error
	if c.Config, err = c.Config.filled(); err == nil && c.QueueMaxBytes < 1<<20 {
		err = fmt.Errorf("storage: a queue of %d octets holds nothing: set storage.victoriametrics.queue_max_bytes to 1MiB or more", c.QueueMaxBytes)
	}
	return c, err
}

// remoteFolder holds the queue, in the folder of the store.
const remoteFolder = "queue"

// OpenRemote opens the store whose rows lie in VictoriaMetrics. It does not ask
// there: Spate starts whether it is up or not. Errors are of the folder, or of a
// URL that is none.
func OpenRemote(cfg RemoteConfig, log *slog.Logger) (*Remote, error) {
	cfg, err := cfg.filled()
	if err != nil {
		return nil, err
	}
	folder, err := openFolder(cfg.Path, cfg.Step, time.Now())
	if err != nil {
		return nil, err
	}
	r, err := openRemoteIn(folder, cfg, log)
	if err != nil {
		folder.close()
		return nil, err
	}
	r.begin()
	return r, nil
}

func openRemoteIn(f *folder, cfg RemoteConfig, log *slog.Logger) (*Remote, error) {
	// What the disk has no room for is sent from memory: nothing is refused.
	guard := &space{log: log, minFree: 1, ask: func(string) (uint64, uint64, error) { return 1 << 62, 1 << 62, nil }}
	e, err := newStore(cfg.Config, f, guard, log)
	if err != nil {
		return nil, err
	}
	e.aged()
	e.counts = newCounts(cfg.Metrics, e)
	r := &Remote{store: e, wait: cfg.CloseWait}
	if err := r.openTiers(cfg, log); err != nil {
		e.counts.forget()
		return nil, err
	}
	r.register()
	return r, nil
}

// openTiers opens the queue of each tier, and begins to send when all are open.
func (r *Remote) openTiers(cfg RemoteConfig, log *slog.Logger) error {
	client := newClient(cfg.Timeout)
	guard := &space{path: cfg.Path, minFree: cfg.MinFree, ask: cfg.FreeSpace, log: slog.New(slog.DiscardHandler), largest: func() uint64 { return 0 }}
	open := func(name spate.Tier, urls URLs, most int64) (*remoteTier, error) {
		return newRemoteTier(name, cfg, urls, most, guard, client, log, r.counts.set)
	}
	raw, err := open(spate.TierRaw, cfg.Raw, cfg.QueueMaxBytes*3/4)
	if err != nil {
		return err
	}
	r.raw, r.tiers, r.release = raw, []*remoteTier{raw}, client.CloseIdleConnections
	for l, urls := range [numLevels]URLs{cfg.FiveMinutes, cfg.Hour} {
		t, err := open(levelTiers[l], urls, cfg.QueueMaxBytes/8)
		if err != nil {
			return err
		}
		t.step = levelSteps[l]
		r.coarse[l], r.tiers = t, append(r.tiers, t)
	}
	hurry, end := context.WithCancel(context.Background())
	leave, left := context.WithCancel(context.Background())
	r.hurry, r.leave = end, left
	for _, t := range r.tiers {
		t.begin(leave, hurry)
	}
	return nil
}

// begin sends until close is called, and after it until hurry ends. Questions
// end with leave.
func (t *remoteTier) begin(leave, hurry context.Context) {
	stop, stopped := context.WithCancel(context.Background())
	t.leave, t.stop = leave, stopped
	t.sending.Go(func() { t.sender.run(stop, hurry) })
}

// A remoteTier is one tier in a VictoriaMetrics.
type remoteTier struct {
	name    spate.Tier
	step    int64 // ms, the finest of its rows
	suffix  string
	timeout time.Duration
	packer  *packer
	spool   *spool
	sender  *sender
	from    *endpoint
	leave   context.Context
	stop    context.CancelFunc
	sending sync.WaitGroup
}

func newRemoteTier(name spate.Tier, cfg RemoteConfig, urls URLs, most int64, guard *space, client *http.Client, log *slog.Logger, set *metrics.Set) (*remoteTier, error) {
	key := "storage.victoriametrics"
	to, err := newEndpoint(key+".write_url", urls.Write, cfg.Token, "", client)
	if err != nil {
		return nil, err
	}
	from, err := newEndpoint(key+".read_url", urls.Read, cfg.Token, "/api/v1/export", client)
	if err != nil {
		return nil, err
	}
	sp, err := openSpool(filepath.Join(cfg.Path, remoteFolder, string(name)), spoolConfig{
		most: most, age: cfg.QueueMaxAge.Milliseconds(), now: now, room: guard.room,
		onLost: func(rows int, why string) {
			set.GetOrCreateCounter(fmt.Sprintf(`spate_store_rows_lost_total{tier=%q,why=%q}`, name, why)).Add(rows)
		},
	})
	if err != nil {
		return nil, err
	}
	if w := sp.waiting(); w.trouble != "" {
		log.Error("a part of what waited to be sent is damaged", "tier", name, "why", w.trouble)
	}
	t := &remoteTier{name: name, step: cfg.Step.Milliseconds(), suffix: suffixOf(name), timeout: cfg.Timeout, spool: sp, from: from}
	t.packer = newPacker(t.suffix)
	t.sender = newSender(name, sp, to, cfg, log)
	return t, nil
}

// room is why nothing may be written; nil where there is room.
func (s *space) room() error {
	s.look()
	if why := s.why(); why != "" {
		return errors.New(why)
	}
	return nil
}

func (t *remoteTier) about() spate.Tier { return t.name }

func (t *remoteTier) add(rows []vm.MetricRow) { t.spool.put(t.packer.pack(rows), len(rows)) }

func (t *remoteTier) flush() {}

func (t *remoteTier) isOpen() bool { return true }

func (t *remoteTier) rest() error { return nil }

func (t *remoteTier) wake() error { return nil }

func (t *remoteTier) readOnly() bool { return false }

func (t *remoteTier) away() bool {
	_, trouble := t.sender.state()
	return trouble != ""
}

func (t *remoteTier) keeps() bool { return true }

func (t *remoteTier) bytes() uint64 { return 0 }

func (t *remoteTier) unsaved() uint64 { return 0 }

func (t *remoteTier) find(ctx context.Context, ports []spate.PortID, columns []column, from, to int64, most int) (found, error) {
	ctx, end := context.WithCancelCause(ctx)
	stop := context.AfterFunc(t.leave, func() { end(ErrClosed) })
	f := newRemoteFound(ctx, ports, columns, from, to, t.step, most)
	f.at, f.suffix, f.timeout = t.from, t.suffix, t.timeout
	f.end = func() { stop(); end(nil) }
	return f, nil
}

func (t *remoteTier) close() error {
	t.stop()
	t.sending.Wait()
	return t.spool.close()
}

// Flush waits until all rounds handed over so far have been taken by
// VictoriaMetrics, which shows them some seconds later, or ctx ends. Slots that
// no rate has ended yet stay open.
func (r *Remote) Flush(ctx context.Context) error {
	if err := r.store.Flush(ctx); err != nil {
		return err
	}
	for _, t := range r.tiers {
		select {
		case <-t.spool.whenEmpty():
		case <-r.stop:
			return ErrClosed
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Close queues what is waiting, as Embedded writes it, and goes on sending for a
// few seconds; what is left is sent after the next start.
func (r *Remote) Close() error {
	r.leave()
	late := time.AfterFunc(r.wait, r.hurry)
	defer late.Stop()
	err := r.store.Close()
	r.hurry()
	return err
}
