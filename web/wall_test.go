package web_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spate"
)

var rowName = regexp.MustCompile(`<span class="name">([^<]*)</span>`)

// names are the rows of the wall from the top.
func (r *rig) wallNames(t testing.TB) string {
	t.Helper()
	var names []string
	for _, m := range rowName.FindAllStringSubmatch(body(t, r.get(t, "/")), -1) {
		names = append(names, m[1])
	}
	return strings.Join(names, " ")
}

// loads is a round of sw-1 whose ports carry so many Mb/s; -1 is a gap.
func loads(mbps ...float64) *spate.Round {
	rd := round("sw-1", time.Now(), len(mbps))
	for i, v := range mbps {
		rd.Readings[i].Port.Alias = string(rune('a' + i))
		rd.Readings[i].Rate = rate(time.Now(), v*1e6, v*1e5)
		if v < 0 {
			rd.Readings[i].Rate, rd.Readings[i].Gap = spate.Rate{}, spate.GapOverSpeed
		}
	}
	return rd
}

func TestRowsOfTheWallKeepTheirPlaceForThirtySeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, dev("sw-1"))
		r.board.Accept(t.Context(), loads(50, 40, 30))
		if got := r.wallNames(t); got != "a b c" {
			t.Fatalf("rows %s, want the largest first", got)
		}
		time.Sleep(10 * time.Second)
		r.board.Accept(t.Context(), loads(50, 20, 60))
		if got := r.wallNames(t); got != "a b c" {
			t.Errorf("after 10 s: rows %s, want them in place", got)
		}
		time.Sleep(21 * time.Second)
		r.board.Accept(t.Context(), loads(50, 20, 60))
		if got := r.wallNames(t); got != "c a b" {
			t.Errorf("after 31 s: rows %s, want them sorted anew", got)
		}
	})
}

func TestFloodEntersAFullWallAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, dev("sw-1"))
		calm := make([]float64, 30)
		for i := range calm {
			calm[i] = float64(100 - i)
		}
		r.board.Accept(t.Context(), loads(calm...))
		before := strings.Fields(r.wallNames(t))
		time.Sleep(10 * time.Second)
		calm[29] = 900 // the port that was last of all
		r.board.Accept(t.Context(), loads(calm...))
		after := strings.Fields(r.wallNames(t))
		if after[0] != before[0] || after[5] != before[5] {
			t.Errorf("the others moved: %v became %v", before, after)
		}
		if name := string(rune('a' + 29)); !strings.Contains(strings.Join(after, " "), name) {
			t.Errorf("the flood on %s is not on the wall: %v", name, after)
		}
	})
}

func TestWallSaysWhatIsStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, dev("sw-1"), dev("sw-2"))
		r.board.Accept(t.Context(), loads(50, -1))
		r.board.Accept(t.Context(), round("sw-2", time.Now(), 1))
		if page := body(t, r.get(t, "/")); strings.Contains(page, "class=\"stale\"") || !strings.Contains(page, "every device answers") {
			t.Errorf("a calm wall is not calm: %s", page)
		}
		for range 3 {
			time.Sleep(20 * time.Second)
			r.board.Accept(t.Context(), silent("sw-1", time.Now()))
			r.board.Accept(t.Context(), round("sw-2", time.Now(), 1))
		}
		page := body(t, r.get(t, "/"))
		for _, want := range []string{`<tr class="stale"`, "◌", "no poll for 60\u202fs", "1 device does not answer", "1 not answering", "polled 0\u202fs ago"} {
			if !strings.Contains(page, want) {
				t.Errorf("the wall does not say %q", want)
			}
		}
		if strings.Contains(page, "Data is") {
			t.Error("one silent device makes the whole wall old")
		}
		time.Sleep(4 * time.Minute)
		if page := body(t, r.get(t, "/")); !strings.Contains(page, "Data is 4\u202fmin old: has the poller stopped?") || !strings.Contains(page, `class="top stale"`) {
			t.Error("the wall does not say that all data is old")
		}
		time.Sleep(15 * time.Minute)
		if got := r.wallNames(t); got != "" {
			t.Errorf("ports without a poll for 20 min are still shown: %s", got)
		}
	})
}

func TestPortWithoutASpeedShowsNoBar(t *testing.T) {
	r := newRig(t, dev("sw-1"))
	rd := loads(50)
	rd.Readings[0].Port.SpeedSource = spate.SpeedUnknown
	r.board.Accept(t.Context(), rd)
	if page := body(t, r.get(t, "/")); !strings.Contains(page, `class="bar none"`) || !strings.Contains(page, `<td class="num mid">-</td>`) {
		t.Errorf("an unknown share is shown as one: %s", page)
	}
}

func TestWallComesByEvents(t *testing.T) {
	r := newRig(t, dev("sw-1"))
	r.board.Accept(t.Context(), loads(50, 40))
	s := openEvents(t, r.running(t), "?only=wall", "")
	e := s.next(t)
	for e.kind == "" {
		e = s.next(t)
	}
	for _, want := range []string{`"name":"a","where":"sw-1 Gi1/0/1"`, "\"in\":\"50\u202fMb/s\"", `"ports":"2 ports"`, `"fill":5,"band":"low"`} {
		if e.kind != "wall" || !strings.Contains(e.data, want) {
			t.Errorf("event %s has no %s: %s", e.kind, want, e.data)
		}
	}
}

func TestPortPageTellsWhy(t *testing.T) {
	tests := []struct {
		name   string
		change func(*rig, *spate.Round)
		says   string
	}{
		{"a quarantined port", func(_ *rig, rd *spate.Round) {
			rd.Readings[0].Rate, rd.Readings[0].Gap = spate.Rate{}, spate.GapOverSpeed
		}, "quarantined, over speed"},
		{"before the second poll", func(_ *rig, rd *spate.Round) { rd.Readings[0].Rate = spate.Rate{} }, "The first rate comes with the second poll"},
		{"a speed set by hand", func(_ *rig, rd *spate.Round) { rd.Readings[0].Port.SpeedSource = spate.SpeedFromConfig }, "set by hand in the configuration"},
		{"no speed", func(_ *rig, rd *spate.Round) { rd.Readings[0].Port.SpeedSource = spate.SpeedUnknown }, "no share of it can be told"},
		{"no history", func(r *rig, _ *spate.Round) { r.store.empty = true }, "No history in this range yet"},
		{"a store in trouble", func(r *rig, _ *spate.Round) { r.store.err = fmt.Errorf("broken") }, "The history cannot be read now"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, dev("sw-1"))
			rd := round("sw-1", time.Now(), 1)
			tt.change(r, rd)
			r.board.Accept(t.Context(), rd)
			resp := r.get(t, "/port?device=sw-1&port=Gi1/0/1")
			if page := body(t, resp); resp.StatusCode != 200 || !strings.Contains(page, tt.says) {
				t.Errorf("%d, and the page does not say %q", resp.StatusCode, tt.says)
			}
		})
	}
}

func TestAssetsAreKeptByTheirVersion(t *testing.T) {
	r := newRig(t)
	link := regexp.MustCompile(`href="(/assets/spate.css\?v=[^"]+)"`).FindStringSubmatch(body(t, r.get(t, "/")))
	if link == nil {
		t.Fatal("the page links no style sheet")
	}
	resp := r.get(t, link[1])
	if cache := resp.Header.Get("Cache-Control"); resp.StatusCode != 200 || !strings.Contains(cache, "immutable") {
		t.Errorf("%d, cache %q", resp.StatusCode, cache)
	}
	if cache := r.get(t, "/assets/events.js").Header.Get("Cache-Control"); strings.Contains(cache, "immutable") {
		t.Errorf("a module without a version is kept for ever: %q", cache)
	}
	for _, name := range []string{"/assets/nothing.js", "/assets/../templates/wall.html", "/assets/%2e%2e/server.go"} {
		if resp := r.get(t, name); resp.StatusCode != 404 {
			t.Errorf("%s: %d, want 404", name, resp.StatusCode)
		}
	}
}
