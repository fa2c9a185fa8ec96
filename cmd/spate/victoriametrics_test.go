package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"spate/storage/storagetest/victoria"
)

// Spate with its rates in a real VictoriaMetrics, which goes and comes back.
func TestServeKeepsItsRatesInVictoriaMetrics(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	server := victoria.Start(t)
	agent := agentUDP(t, "sw-1")
	config := func(folder string) string {
		return strings.Replace(everySecond(folder, agent), "[poller]\n", fmt.Sprintf(
			"backend = \"victoriametrics\"\n[storage.victoriametrics]\nwrite_url = \"%[1]s/api/v1/write\"\nread_url = \"%[1]s/\"\n[poller]\n", server.URL), 1)
	}
	begin := time.Now()
	s := startServe(t, config(t.TempDir()))
	until(t, "a first rate", func() bool { return s.rated(t, "sw-1") })
	until(t, "five seconds of history", func() bool { return count(s.known(t, "sw-1", begin, time.Now())) >= 5 })
	until(t, "rows taken", func() bool { q := s.queue(t); return q.LastSuccess != nil && q.Error == nil })

	server.Stop()
	until(t, "the trouble on /status", func() bool {
		q := s.queue(t) // of the request that was under way it is that it broke off
		return q.Error != nil && q.Rows > 0 && strings.Contains(*q.Error, "nobody listens at "+server.URL)
	})
	if q := s.queue(t); q.Lost != 0 {
		t.Errorf("queue %+v", q)
	}
	if page := s.page(t, "/status"); !strings.Contains(page, "Rows waiting to be sent") || !strings.Contains(page, "is VictoriaMetrics running?") {
		t.Errorf("the status page tells nothing of it: %s", page)
	}
	down := time.Now()
	until(t, "five seconds more, from memory", func() bool { return count(s.known(t, "sw-1", down, time.Now())) >= 5 })
	if !s.rated(t, "sw-1") {
		t.Error("the board stands still while VictoriaMetrics is away")
	}
	server.Start()
	until(t, "an empty queue", func() bool { q := s.queue(t); return q.Rows < 100 && q.Error == nil })
	if page := s.page(t, "/graph.png?device=sw-1&port=Gi1/0/1&from=-10m"); !strings.HasPrefix(page, "\x89PNG") {
		t.Errorf("the picture begins with %.20q", page)
	}
	s.stop(t)

	// Somebody else's Spate, or this one after its disk was replaced.
	second := startServe(t, config(t.TempDir()))
	until(t, "a first rate", func() bool { return second.rated(t, "sw-1") })
	from := int(down.Sub(begin).Seconds())
	until(t, "what the first one wrote while VictoriaMetrics was away", func() bool {
		values := second.known(t, "sw-1", begin, time.Now())
		return len(values) >= from+4 && count(values[from:from+4]) == 4 // later ones may be those between the two
	})
}

// A queueJSON is store.queue of GET /api/v1/status.
type queueJSON struct {
	Rows, Bytes int64
	LastSuccess *time.Time `json:"last_success"`
	Lost        int64      `json:"rows_lost"`
	Error       *string
}

func (s *serving) queue(t *testing.T) queueJSON {
	t.Helper()
	var got struct {
		Store struct {
			Backend string
			Queue   *queueJSON
		}
	}
	s.get(t, "/api/v1/status", &got)
	if got.Store.Backend != "victoriametrics" || got.Store.Queue == nil {
		t.Fatalf("store %+v", got.Store)
	}
	return *got.Store.Queue
}

func (s *serving) page(t *testing.T, path string) string {
	t.Helper()
	if strings.HasPrefix(path, "/graph") {
		path = "/api/v1" + path
	}
	res, err := http.Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
