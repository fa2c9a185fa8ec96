package storage_test

import (
	"bufio"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"spate"
	"spate/storage"
	"spate/storage/storagetest"
)

// valueOf is the value of a slot, so that a wrong one would show.
func valueOf(slot int) float64 { return float64(1000 + slot*7) }

const (
	childReceiver = "SPATE_TEST_RECEIVER" // with childFolder: this process writes to a server there until it is killed
	remoteKilled  = "^TestKilledWhileTheServerIsAwayLosesASecond$"
)

// journalled lets rounds of any time into the journal.
func journalled(cfg storage.RemoteConfig) storage.RemoteConfig {
	cfg.JournalAge = 10 * 365 * 24 * time.Hour
	return cfg
}

// writeRemoteUntilKilled is the child: 100 slots a second, and a line for each.
func writeRemoteUntilKilled(t *testing.T) {
	place := spate.Secret(os.Getenv(childReceiver))
	cfg := journalled(remoteConfig(os.Getenv(childFolder), urlsOf(place)))
	r := openRemote(t, cfg)
	base := storagetest.Start()
	fmt.Println("start", base.UnixMilli())
	pace := time.NewTicker(10 * time.Millisecond)
	for i := 0; ; i++ {
		if err := r.Write(t.Context(), round(gi1, base.Add(time.Duration(i+1)*10*time.Second), 10*time.Second, valueOf(i))); err != nil {
			t.Fatal(err)
		}
		fmt.Println("slot", i)
		<-pace.C
	}
}

// A process that is killed while rows wait, and one of them is being sent, loses
// what was measured in the last second.
func TestKilledWhileTheServerIsAwayLosesASecond(t *testing.T) {
	if os.Getenv(childReceiver) != "" {
		writeRemoteUntilKilled(t)
	}
	to := newReceiver(t)
	to.answers(away)
	dir := t.TempDir()
	place := spate.Secret(to.URL)
	start, written := writeFor(t, dir, to.Server, 3*time.Second)
	killed := time.Now()

	r := openRemote(t, journalled(remoteConfig(dir, urlsOf(place))))
	to.answers(nil)
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := map[int]bool{}
	for _, row := range to.got {
		if row.name != "spate_in_bps" {
			continue // a coarse tier
		}
		slot := int((row.at - start) / 10_000)
		if got[slot] || row.value != valueOf(slot) {
			t.Fatalf("slot %d came twice or wrong: %v, want %v", slot, row.value, valueOf(slot))
		}
		got[slot] = true
	}
	lost := time.Duration(0)
	for slot, at := range written {
		if !got[slot] {
			lost = max(lost, killed.Sub(at))
		}
	}
	t.Logf("of %d slots %d came; the oldest lost was %v old", len(written), len(got), lost.Round(10*time.Millisecond))
	if lost > within(time.Second) {
		t.Errorf("lost what was %v old, want a second", lost)
	}
}

// writeFor runs the child for a while and kills it. It tells when each slot was
// written.
func writeFor(t *testing.T, dir string, to *httptest.Server, d time.Duration) (start int64, written map[int]time.Time) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run="+remoteKilled, "-test.v")
	cmd.Env = append(os.Environ(), childFolder+"="+dir, childReceiver+"="+to.URL)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	written = map[int]time.Time{}
	var first time.Time
	for in := bufio.NewScanner(out); in.Scan() && (first.IsZero() || time.Since(first) < d); {
		what, number, _ := strings.Cut(in.Text(), " ")
		n, _ := strconv.ParseInt(number, 10, 64)
		switch what {
		case "start":
			start = n
		case "slot":
			if written[int(n)] = time.Now(); first.IsZero() {
				first = time.Now()
			}
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if start == 0 || len(written) < 50 {
		t.Fatalf("the child wrote %d slots only", len(written))
	}
	return start, written
}
