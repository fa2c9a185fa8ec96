package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// screen is where a command prints, read while it runs.
type screen struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// TestTheDemoShowsAFloodAndItsName starts it as a newcomer does, but with a week of history:
// less leaves the margins of a young port, which a flood of eight times the usual passes by
// its packets alone, and not each time.
func TestTheDemoShowsAFloodAndItsName(t *testing.T) {
	if testing.Short() {
		t.Skip("a network lives for half a minute")
	}
	t.Parallel()
	var out screen
	a := &app{out: &out, err: &out, env: func(string) (string, bool) { return "", false }}
	ctx, end := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.demo(ctx, "127.0.0.1:0", 15*time.Second, 1, 7*24*time.Hour) }()
	address := ""
	untilLong(t, "the demo says where it is", func() bool {
		address = string(regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`).Find([]byte(out.String())))
		return address != ""
	})
	type incident struct {
		Kind, Summary string
		Origin        *struct{ Device, Port string }
		Users         []struct {
			User  string
			Share float64
		}
	}
	var got struct{ Incidents []incident }
	defer func() {
		if t.Failed() {
			t.Logf("the incidents: %+v", got)
		}
	}()
	var flood incident
	untilLong(t, "the first flood has a name, and who sends most of it", func() bool {
		answer, err := http.Get(address + "/api/v1/incidents")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
			return false
		}
		// On a busy machine a simulated switch may be late, which is an incident too.
		i := slices.IndexFunc(got.Incidents, func(in incident) bool { return in.Origin != nil && len(in.Users) > 0 && in.Users[0].Share >= 0.5 })
		if i >= 0 {
			flood = got.Incidents[i]
		}
		return i >= 0
	})
	t.Log(flood.Summary)
	if u := flood.Users[0]; !strings.HasPrefix(u.User, "shop") {
		t.Errorf("%s sends %.2f of it, want a hacked shop", u.User, u.Share)
	}
	end()
	if err := <-done; err != nil {
		t.Errorf("the demo ends with %v", err)
	}
}

// untilLong waits five minutes at most.
func untilLong(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for began := time.Now(); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Since(began) > 5*time.Minute {
			t.Fatalf("%s: not within five minutes", what)
		}
	}
}
