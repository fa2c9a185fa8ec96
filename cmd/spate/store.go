package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/cmd/spate/config"
	"spate/storage"
	"spate/web"
)

// A store keeps rates: *storage.Embedded and *storage.Remote are two.
type store interface {
	Accept(ctx context.Context, r *spate.Round)
	Write(ctx context.Context, r *spate.Round) error
	Query(ctx context.Context, q spate.Query) (*spate.Frame, error)
	Import(ctx context.Context, h spate.History) (spate.Taken, error)
	Part(ctx context.Context, device string, at time.Time) (time.Time, error)
	SetNames(names spate.Names)
	Flush(ctx context.Context) error
	Backup(ctx context.Context, dir, version string, extras []storage.Extra, progress func(done, total int64)) (*storage.Manifest, error)
	Status() storage.Status
	Close() error
}

// openStore opens the one that storage.backend names.
func openStore(cfg *config.Config, told func(trouble string), set *metrics.Set, log *slog.Logger) (store, error) {
	if cfg.Storage.Backend == "victoriametrics" {
		r, err := storage.OpenRemote(remoteConfig(cfg, told, set), log)
		if err != nil {
			return nil, err
		}
		return r, nil
	}
	e, err := storage.Open(storeConfig(cfg, told, set), log)
	if err != nil {
		return nil, err
	}
	return e, nil
}

func storeConfig(cfg *config.Config, told func(trouble string), set *metrics.Set) storage.Config {
	c := storage.DefaultConfig()
	c.Path, c.Step, c.MinFree = cfg.Storage.Path, cfg.Poller.Interval, uint64(cfg.Storage.MinFree)
	c.RetentionRaw, c.RetentionFiveMinutes, c.RetentionHour = cfg.Storage.Retention.Raw, cfg.Storage.Retention.FiveMinutes, cfg.Storage.Retention.Hour
	c.Budget = uint64(cfg.Storage.Budget)
	c.Metrics, c.Told = set, told
	return c
}

func remoteConfig(cfg *config.Config, told func(trouble string), set *metrics.Set) storage.RemoteConfig {
	vm := cfg.Storage.VictoriaMetrics
	c := storage.DefaultRemoteConfig()
	most := c.MaxSamples
	c.Config = storeConfig(cfg, told, set)
	c.MaxSamples = most
	c.Raw, c.FiveMinutes, c.Hour = storage.URLs(vm.Raw), storage.URLs(vm.FiveMinutes), storage.URLs(vm.Hour)
	c.Token, c.QueueMaxBytes, c.QueueMaxAge = vm.Token, int64(vm.QueueMaxBytes), vm.QueueMaxAge
	return c
}

func (s *site) storeStatus() web.StoreStatus {
	st := s.store.Status()
	out := web.StoreStatus{Backend: st.Backend, ReadOnly: st.ReadOnly, Reason: st.Reason, Bytes: int64(st.Bytes), ForecastYearBytes: st.ForecastYearBytes, Oldest: st.Oldest, Note: st.Note}
	if r := st.Remote; r != nil {
		out.Bytes, out.ForecastYearBytes = -1, -1
		out.Queue = &web.StoreQueue{Rows: r.Waiting, Bytes: r.Bytes, Oldest: r.Oldest, LastSuccess: r.LastSuccess, Lost: r.Lost, Error: r.Error}
	}
	return out
}
