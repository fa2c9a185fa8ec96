package storage_test

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"spate"
	"spate/storage"
	"spate/storage/storagetest"
	"spate/storage/storagetest/victoria"
)

// urls are those of a server, with a label that keeps the stores of tests apart.
func urls(server, label string) storage.URLs {
	return storage.URLs{
		Write: spate.Secret(server + "/api/v1/write?extra_label=test%3D" + label),
		Read:  spate.Secret(server + "/?" + url.Values{"extra_filters[]": {fmt.Sprintf("{test=%q}", label)}}.Encode()),
	}
}

func remoteConfig(folder string, to storage.URLs) storage.RemoteConfig {
	cfg := storage.DefaultRemoteConfig()
	cfg.Config = config(folder)
	cfg.Ring = 40 * time.Second // the least: answers come from the server
	cfg.Raw, cfg.FiveMinutes, cfg.Hour = to, to, to
	cfg.RetryLeast, cfg.RetryMost = 5*time.Millisecond, 50*time.Millisecond
	return cfg
}

func openRemote(t testing.TB, cfg storage.RemoteConfig) *storage.Remote {
	t.Helper()
	r, err := storage.OpenRemote(cfg, quiet())
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// A shown is a store whose flush waits until the server shows what it took.
type shown struct {
	*storage.Remote
	server *victoria.Server
}

func (s shown) Flush(ctx context.Context) error {
	if err := s.Remote.Flush(ctx); err != nil {
		return err
	}
	return s.server.Flush()
}

func TestRemoteHoldsToTheContract(t *testing.T) {
	server := victoria.Start(t)
	labels := map[string]string{} // by folder: a store opened again is the same one
	var n atomic.Int64
	storagetest.Run(t, func(t *testing.T, folder string) storagetest.Store {
		if labels[folder] == "" {
			labels[folder] = fmt.Sprint("s", n.Add(1))
		}
		return shown{openRemote(t, remoteConfig(folder, urls(server.URL, labels[folder]))), server}
	})
}

func TestRemoteAnswersAsTheTruthDoes(t *testing.T) {
	server := victoria.Start(t)
	for seed := range uint64(2) {
		storagetest.Random(t, func(t *testing.T, folder string) storagetest.Store {
			return shown{openRemote(t, remoteConfig(folder, urls(server.URL, fmt.Sprint("r", seed)))), server}
		}, seed)
	}
}

// urlsOf are those of a server that is asked and told at one place.
func urlsOf(place spate.Secret) storage.URLs { return storage.URLs{Write: place, Read: place} }

// docs/victoriametrics.md says how to move: the raw folder is a data folder of
// VictoriaMetrics, and the past is there at once.
func TestTheRawFolderIsADataFolderOfVictoriaMetrics(t *testing.T) {
	dir := t.TempDir()
	e := open(t, config(dir))
	base := storagetest.Start()
	for i := range 200 {
		put(t, e, round(gi1, base.Add(time.Duration(i+1)*10*time.Second), 10*time.Second, float64(1000+i)))
	}
	flush(t, e)
	want := ask(t, e, gi1, base, base.Add(2000*time.Second), 200)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	server := victoria.Start(t, "-storageDataPath="+filepath.Join(dir, "raw"), "-disablePerDayIndex")
	r := openRemote(t, remoteConfig(t.TempDir(), storage.URLs{Write: spate.Secret(server.URL + "/api/v1/write"), Read: spate.Secret(server.URL)}))
	got, err := r.Query(t.Context(), spate.Query{Ports: []spate.PortID{gi1}, Metrics: []spate.Metric{spate.InBps}, From: base, To: base.Add(2000 * time.Second), Width: 200})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || got.Series[0].Stats.Last != 1199 {
		t.Errorf("statistics %+v, want %+v", got.Series[0].Stats, want.Series[0].Stats)
	}
}
