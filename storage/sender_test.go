package storage_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/VictoriaMetrics/VictoriaMetrics/lib/prompb"
	"github.com/golang/snappy"

	"spate"
	"spate/storage"
	"spate/storage/storagetest"
)

// A receiver is a server of remote write that does as it is told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	answer func(w http.ResponseWriter, r *http.Request, got []sent)
	got    []sent      // rows taken, in order
	calls  int         // requests to write
	seen   http.Header // of the last one
}

// A sent is one row as it came.
type sent struct {
	name, device, port string
	at                 int64
	value              float64
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(r)
	t.Cleanup(func() {
		r.CloseClientConnections()
		r.Close()
	})
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	rows, err := decodeWrite(req)
	r.mu.Lock()
	r.calls++
	r.seen = req.Header.Clone()
	answer := r.answer
	r.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if answer != nil {
		answer(w, req, rows)
		return
	}
	r.keep(rows)
	w.WriteHeader(http.StatusNoContent)
}

func (r *receiver) keep(rows []sent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, rows...)
}

func (r *receiver) answers(f func(w http.ResponseWriter, req *http.Request, got []sent)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

func (r *receiver) state() (rows, calls int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got), r.calls
}

func decodeWrite(req *http.Request) (rows []sent, err error) {
	packed, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	plain, err := snappy.Decode(nil, packed)
	if err != nil {
		return nil, err
	}
	u := prompb.GetWriteRequestUnmarshaler()
	defer prompb.PutWriteRequestUnmarshaler(u)
	wr, err := u.UnmarshalProtobuf(plain)
	if err != nil {
		return nil, err
	}
	for _, ts := range wr.Timeseries {
		var s sent
		for _, l := range ts.Labels {
			switch l.Name {
			case "__name__":
				s.name = strings.Clone(l.Value)
			case "device":
				s.device = strings.Clone(l.Value)
			case "ifName":
				s.port = strings.Clone(l.Value)
			}
		}
		for _, x := range ts.Samples {
			s.at, s.value = x.Timestamp, x.Value
			rows = append(rows, s)
		}
	}
	return rows, nil
}

// eventually waits until done, for as long as a slow machine may need.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); !done(); <-tick.C {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("waited 30 s until %s", what)
		}
	}
}

// queueSlots brings the slots first to last-1 of gi1 into the queue, one block
// each. Their value is their number.
func queueSlots(t *testing.T, r *storage.Remote, first, last int) {
	t.Helper()
	for i := first; i < last; i++ {
		if err := r.Write(t.Context(), round(gi1, storagetest.Start().Add(time.Duration(i+1)*10*time.Second), 10*time.Second, float64(i))); err != nil {
			t.Fatal(err)
		}
		if err := storage.PushNow(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func away(w http.ResponseWriter, _ *http.Request, _ []sent) {
	http.Error(w, "no", http.StatusInternalServerError)
}

func TestRowsGoAsPrometheusRemoteWrite(t *testing.T) {
	to := newReceiver(t)
	cfg := remoteConfig(t.TempDir(), storage.URLs{Write: spate.Secret(to.URL + "/insert/0/prometheus/api/v1/write"), Read: spate.Secret(to.URL)})
	r := openRemote(t, cfg)
	base := storagetest.Start()
	rate := round(gi1, base.Add(10*time.Second), 10*time.Second, 1234567)
	rate.Readings[0].Rate.Values[spate.OutPps] = 0.5
	if err := r.Write(t.Context(), rate); err != nil {
		t.Fatal(err)
	}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []sent{{"spate_in_bps", "sw-1", "Gi1/0/1", base.UnixMilli(), 1234567}, {"spate_out_pps", "sw-1", "Gi1/0/1", base.UnixMilli(), 0.5}}
	if fmt.Sprint(to.got) != fmt.Sprint(want) {
		t.Errorf("rows %v, want %v", to.got, want)
	}
	for name, want := range map[string]string{"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0"} {
		if got := to.seen.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	st := r.Status()
	if st.Backend != "victoriametrics" || st.Remote.Waiting != 0 || st.Remote.LastSuccess.IsZero() || st.Remote.Error != "" {
		t.Errorf("status %+v, %+v", st, st.Remote)
	}
}

// One block that is refused for its own sake must not stop the rest, nor be
// tried for ever.
func TestABlockThatIsRefusedForItsOwnSakeIsDroppedAndCounted(t *testing.T) {
	to := newReceiver(t)
	to.answers(away)
	r := openRemote(t, remoteConfig(t.TempDir(), urlsOf(spate.Secret(to.URL))))
	queueSlots(t, r, 0, 10)
	to.answers(func(w http.ResponseWriter, _ *http.Request, got []sent) {
		if got[0].value == 4 {
			http.Error(w, "cannot parse", http.StatusBadRequest)
			return
		}
		to.keep(got)
	})
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st := r.Status().Remote; st.Lost != 1 || st.Waiting != 0 || st.Error != "" {
		t.Errorf("status %+v, want one row lost", st)
	}
	if rows, _ := to.state(); rows != 9 {
		t.Errorf("%d rows taken, want the other 9", rows)
	}
}

// Where everything is refused the fault lies there: nothing may be dropped.
func TestWhereEverythingIsRefusedNothingIsDropped(t *testing.T) {
	for _, code := range []int{400, 401, 403, 404, 413, 422, 429, 500, 503} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			to := newReceiver(t)
			to.answers(func(w http.ResponseWriter, _ *http.Request, _ []sent) { http.Error(w, "the words of the server", code) })
			r := openRemote(t, remoteConfig(t.TempDir(), urlsOf(spate.Secret(to.URL))))
			queueSlots(t, r, 0, 5)
			_, before := to.state()
			eventually(t, "it was tried again", func() bool { _, calls := to.state(); return calls >= before+8 })
			st := r.Status().Remote
			if st.Lost != 0 || st.Waiting != 5 || !strings.Contains(st.Error, fmt.Sprint(code)) || !strings.Contains(st.Error, "the words of the server") || !st.LastSuccess.IsZero() {
				t.Errorf("status %+v", st)
			}
			to.answers(nil)
			if err := r.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if rows, _ := to.state(); rows != 5 {
				t.Errorf("%d rows taken, want 5", rows)
			}
		})
	}
}

func TestAServerThatAsksForAPauseGetsIt(t *testing.T) {
	to := newReceiver(t)
	to.answers(func(w http.ResponseWriter, _ *http.Request, _ []sent) {
		w.Header().Set("Retry-After", "3600")
		http.Error(w, "slow down", http.StatusTooManyRequests)
	})
	r := openRemote(t, remoteConfig(t.TempDir(), urlsOf(spate.Secret(to.URL))))
	queueSlots(t, r, 0, 2)
	eventually(t, "the first was sent", func() bool { _, calls := to.state(); return calls > 0 })
	time.Sleep(300 * time.Millisecond) // six of the longest pauses that it would make by itself
	if _, calls := to.state(); calls != 1 {
		t.Errorf("%d requests within the pause, want 1", calls)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	elsewhere, to := newReceiver(t), newReceiver(t)
	to.answers(func(w http.ResponseWriter, req *http.Request, _ []sent) {
		http.Redirect(w, req, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	r := openRemote(t, remoteConfig(t.TempDir(), urlsOf(spate.Secret(to.URL))))
	queueSlots(t, r, 0, 1)
	eventually(t, "it was tried", func() bool { return r.Status().Remote.Error != "" })
	if _, calls := elsewhere.state(); calls != 0 {
		t.Error("rows went where the config does not say")
	}
	if said := r.Status().Remote.Error; !strings.Contains(said, "307") || !strings.Contains(said, "correct storage.victoriametrics.write_url") {
		t.Errorf("error %q", said)
	}
}

func TestAServerThatHangsIsLeft(t *testing.T) {
	to := newReceiver(t)
	release := make(chan struct{})
	to.answers(func(_ http.ResponseWriter, _ *http.Request, _ []sent) { <-release })
	defer close(release)
	cfg := remoteConfig(t.TempDir(), urlsOf(spate.Secret(to.URL)))
	cfg.Timeout, cfg.CloseWait = 50*time.Millisecond, 100*time.Millisecond
	r := openRemote(t, cfg)
	queueSlots(t, r, 0, 3)
	eventually(t, "it was tried twice", func() bool { _, calls := to.state(); return calls >= 2 })
	if said := r.Status().Remote.Error; !strings.Contains(said, "did not answer in time") {
		t.Errorf("error %q", said)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	to.answers(nil)
	r = openRemote(t, cfg)
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows, _ := to.state(); rows != 3 {
		t.Errorf("%d rows after a restart, want 3", rows)
	}
}

// Passwords and tokens get into no sentence, also where the server repeats them.
func TestSecretsAreInNoSentence(t *testing.T) {
	var log strings.Builder
	var mu sync.Mutex
	to := newReceiver(t)
	to.answers(func(w http.ResponseWriter, req *http.Request, _ []sent) {
		http.Error(w, "who is "+req.Header.Get("Authorization")+" s3cret with "+req.URL.RawQuery, http.StatusUnauthorized)
	})
	place := strings.Replace(to.URL, "http://", "http://spate:s3cret@", 1) + "/api/v1/write?authKey=k3y"
	for _, token := range []spate.Secret{"", "t0ken"} {
		cfg := remoteConfig(t.TempDir(), urlsOf(spate.Secret(place)))
		cfg.Token = token
		r, err := storage.OpenRemote(cfg, slog.New(slog.NewTextHandler(&locked{&mu, &log}, nil)))
		if err != nil {
			t.Fatal(err)
		}
		queueSlots(t, r, 0, 1)
		eventually(t, "it was tried", func() bool { return r.Status().Remote.Error != "" })
		_, err = r.Query(t.Context(), spate.Query{Ports: []spate.PortID{gi1}, Metrics: []spate.Metric{0}, From: storagetest.Start(), To: storagetest.Start().Add(time.Hour), Width: 10})
		mu.Lock()
		all := fmt.Sprint(r.Status().Remote.Error, err, &log, fmt.Sprintf("%+v", cfg))
		mu.Unlock()
		for _, secret := range []string{"s3cret", "k3y", "t0ken", "c3BhdGU6czNjcmV0"} {
			if strings.Contains(all, secret) {
				t.Errorf("%q is said in: %s", secret, all)
			}
		}
		if want := map[spate.Secret]string{"": "Basic c3BhdGU6czNjcmV0", "t0ken": "Bearer t0ken"}[token]; to.seen.Get("Authorization") != want {
			t.Errorf("authorization %q, want %q", to.seen.Get("Authorization"), want)
		}
		r.Close()
	}
	for _, bad := range []string{"http://spate:s3cret@[::1/", "s3cret", "ftp://spate:s3cret@host/", "http://spate:s3cret@/x", "http://spate:s3cret@host\x7f/"} {
		_, err := storage.OpenRemote(remoteConfig(t.TempDir(), urlsOf(spate.Secret(bad))), quiet())
		if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "write_url") {
			t.Errorf("%q: error %v", bad, err)
		}
	}
}

type locked struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func TestLinkLocalAddressesAreNotAsked(t *testing.T) {
	place := spate.Secret("http://169.254.169.254/latest/meta-data")
	r := openRemote(t, remoteConfig(t.TempDir(), urlsOf(place)))
	queueSlots(t, r, 0, 1)
	eventually(t, "it was tried", func() bool { return r.Status().Remote.Error != "" })
	if said := r.Status().Remote.Error; !strings.Contains(said, "link-local") {
		t.Errorf("error %q", said)
	}
}

func TestTheNewestQuarterOfAnHourIsAnsweredWhileTheServerIsAway(t *testing.T) {
	to := newReceiver(t)
	to.answers(away)
	cfg := remoteConfig(t.TempDir(), urlsOf(spate.Secret(to.URL)))
	cfg.Ring = 15 * time.Minute
	r := openRemote(t, cfg)
	queueSlots(t, r, 0, 60)
	if rate, ok := r.Latest(gi1); !ok || rate.Values[spate.InBps] != 59 {
		t.Errorf("newest rate %v %v", rate, ok)
	}
	base := storagetest.Start()
	f, err := r.Query(t.Context(), spate.Query{Ports: []spate.PortID{gi1}, Metrics: []spate.Metric{spate.InBps}, From: base, To: base.Add(10 * time.Minute), Width: 60})
	if err != nil {
		t.Fatalf("the ring knows it all: %v", err)
	}
	for i, v := range f.Series[0].Avg {
		if v != float64(i) {
			t.Fatalf("slot %d is %v", i, v)
		}
	}
	if _, err := r.Query(t.Context(), spate.Query{Ports: []spate.PortID{gi1}, Metrics: []spate.Metric{spate.InBps}, From: base.Add(-time.Hour), To: base.Add(10 * time.Minute), Width: 60}); err == nil || !strings.Contains(err.Error(), "read the store") {
		t.Errorf("what the ring does not know: error %v", err)
	}
}

// A server may answer anything: what is read is bounded, and no lie gets in.
func TestWhatABrokenServerAnswers(t *testing.T) {
	good := `{"metric":{"__name__":"spate_in_bps","device":"sw-1","ifName":"Gi1/0/1"},"values":[5],"timestamps":[%d]}` + "\n"
	base := storagetest.Start()
	at := base.UnixMilli()
	endless := func(text string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			for {
				if _, err := io.WriteString(w, text); err != nil {
					return
				}
			}
		}
	}
	say := func(text string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { _, _ = io.WriteString(w, text) }
	}
	for _, c := range []struct {
		name   string
		answer func(http.ResponseWriter)
		want   float64 // of the first slot, NaN: a gap
		err    string
	}{
		{"the truth", say(fmt.Sprintf(good, at)), 5, ""},
		{"nothing", say(""), math.NaN(), ""},
		{"another port, another time, another metric", say(fmt.Sprintf(strings.Replace(good, "Gi1/0/1", "Gi1/0/2", 1), at) + fmt.Sprintf(good, at-10_000) +
			fmt.Sprintf(good, int64(math.MaxInt64/16)) + fmt.Sprintf(strings.Replace(good, "in_bps", "out_bps", 1), at) + fmt.Sprintf(strings.Replace(good, "spate_", "", 1), at)), math.NaN(), ""},
		{"values that cannot be", say(strings.Replace(fmt.Sprintf(good, at), "[5]", "[-5]", 1) + strings.Replace(fmt.Sprintf(good, at), "[5]", "[1e300]", 1) + strings.Replace(fmt.Sprintf(good, at), "[5]", "[null]", 1)), math.NaN(), ""},
		{"half a line", say(good[:30]), 0, "mid-line"},
		{"a page of HTML", say("<html>\n"), 0, "not as /api/v1/export writes it"},
		{"lines without end", endless(fmt.Sprintf(good, at)), 0, storage.ErrTooLarge.Error()},
		{"empty series without end", endless(`{"metric":{},"values":[],"timestamps":[]}` + "\n"), 0, storage.ErrTooLarge.Error()},
		{"a line without end", endless("x"), 0, "not as /api/v1/export writes it"},
		{"less than it announced", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, fmt.Sprintf(good, at))
		}, 0, "EOF"},
		{"cut in the middle", func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, fmt.Sprintf(good, at))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, 0, "EOF"},
		{"words of its own", func(w http.ResponseWriter) { http.Error(w, "too\x1b[31m many", 422) }, 0, `answered 422 Unprocessable Entity: "too[31m many"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { c.answer(w) }))
			defer server.Close()
			defer server.CloseClientConnections()
			cfg := remoteConfig(t.TempDir(), urlsOf(spate.Secret(server.URL)))
			cfg.MaxSamples = 100_000
			r := openRemote(t, cfg)
			f, err := r.Query(t.Context(), spate.Query{Ports: []spate.PortID{gi1}, Metrics: []spate.Metric{spate.InBps}, From: base, To: base.Add(time.Minute), Width: 6})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := f.Series[0].Avg; got[0] != c.want && !(math.IsNaN(c.want) && math.IsNaN(got[0])) || !math.IsNaN(got[1]) {
				t.Errorf("slots %v, want %v first and gaps", got, c.want)
			}
		})
	}
}

func TestAQuestionEndsWithItsAsker(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.CloseClientConnections()
	r := openRemote(t, remoteConfig(t.TempDir(), urlsOf(spate.Secret(server.URL))))
	q := spate.Query{Ports: []spate.PortID{gi1}, Metrics: []spate.Metric{spate.InBps}, From: storagetest.Start(), To: storagetest.Start().Add(time.Hour), Width: 10}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := r.Query(ctx, q); err == nil {
		t.Error("a question that hangs answers")
	}
	done := make(chan error)
	go func() {
		_, err := r.Query(context.Background(), q)
		done <- err
	}()
	time.AfterFunc(20*time.Millisecond, func() { r.Close() })
	if err := <-done; err == nil {
		t.Error("a question answers though the store was closed")
	}
}

// A wide question is asked in a few parts, not port by port.
func TestASumOfThousandsOfPortsIsAFewRequests(t *testing.T) {
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	defer server.Close()
	r := openRemote(t, remoteConfig(t.TempDir(), urlsOf(spate.Secret(server.URL))))
	var ids []spate.PortID
	for i := range 2500 {
		ids = append(ids, spate.PortID{Device: fmt.Sprint("sw-", i/48), Name: fmt.Sprint("Gi1/0/", i%48)})
	}
	for _, days := range []int{0, 2, 30} {
		calls.Store(0)
		to := time.Now().Add(-24 * time.Hour)
		_, err := r.Query(t.Context(), spate.Query{Ports: ids, Metrics: []spate.Metric{spate.InBps, spate.OutBps}, From: to.AddDate(0, 0, -days).Add(-time.Hour), To: to, Width: 800})
		if err != nil {
			t.Fatal(err)
		}
		if n := calls.Load(); n > 60 { // of two million rows each
			t.Errorf("%d days and an hour of 2500 ports: %d requests, want a few", days, n)
		}
	}
}
