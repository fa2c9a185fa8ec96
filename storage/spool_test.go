package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"spate/storage"
)

// A queue under test, with a clock and a disk that obey.
type queue struct {
	*storage.Spool
	t    *testing.T
	dir  string
	cfg  storage.SpoolConfig
	now  int64
	full error
	lost map[string]int
}

func newQueue(t *testing.T, most int64) *queue {
	q := &queue{t: t, dir: t.TempDir(), now: 1_700_000_000_000, lost: map[string]int{}}
	q.cfg = storage.SpoolConfig{
		Most: most, Age: 3_600_000, Now: func() int64 { return q.now }, Room: func() error { return q.full },
		OnLost: func(rows int, why string) { q.lost[why] += rows },
	}
	q.open()
	t.Cleanup(func() { _ = q.Close() })
	return q
}

func (q *queue) open() {
	q.t.Helper()
	s, err := storage.OpenSpool(q.dir, q.cfg)
	if err != nil {
		q.t.Fatal(err)
	}
	q.Spool = s
}

func (q *queue) reopen() {
	q.t.Helper()
	if err := q.Close(); err != nil {
		q.t.Fatal(err)
	}
	q.open()
}

// all takes everything, and delivers it.
func (q *queue) all() (got []string) {
	for {
		b, payload := q.Take(0)
		if b == nil {
			return got
		}
		got = append(got, string(payload))
		q.Settle(b, storage.Delivered)
	}
}

func TestTheQueueGivesTheNewestFirstAlsoAfterARestart(t *testing.T) {
	q := newQueue(t, 1<<20)
	var want []string
	for i := range 2000 { // of many files
		text := fmt.Sprintf("block %d %s", i, bytes.Repeat([]byte{'x'}, 300))
		q.Put([]byte(text), 1)
		want = append(want, text)
	}
	slices.Reverse(want)
	q.reopen()
	q.Put([]byte("new"), 1)
	if got := q.all(); !slices.Equal(got, append([]string{"new"}, want...)) {
		t.Errorf("%d blocks, first %.20q, last %.20q", len(got), got[0], got[len(got)-1])
	}
	if q.Rows() != 0 || q.Octets() != 0 || len(q.lost) != 0 {
		t.Errorf("afterwards %d rows in %d octets wait, lost %v", q.Rows(), q.Octets(), q.lost)
	}
	q.reopen()
	if files, _ := os.ReadDir(q.dir); len(files) != 0 || q.Rows() != 0 {
		t.Errorf("an empty queue leaves %d files and %d rows", len(files), q.Rows())
	}
}

func TestABlockThatIsOutWhenTheProcessDiesIsSentAgain(t *testing.T) {
	q := newQueue(t, 1<<20)
	for _, text := range []string{"a", "b", "c"} {
		q.Put([]byte(text), 1)
	}
	q.Take(0) // and nothing more: no close, no settle
	q.open()
	if got := q.all(); !slices.Equal(got, []string{"c", "b", "a"}) {
		t.Errorf("blocks %q, want c b a", got)
	}
}

// Random calls against a list in memory: nothing gets lost, doubled or changed.
func TestTheQueueLosesAndInventsNothing(t *testing.T) {
	q := newQueue(t, 64<<20)
	rnd := rand.New(rand.NewPCG(3, 1))
	waits := map[string]bool{}
	n, goods := 0, uint64(0)
	for range 20_000 {
		switch k := rnd.IntN(100); {
		case k < 45:
			n++
			text := fmt.Sprintf("%d %s", n, bytes.Repeat([]byte{byte(n)}, rnd.IntN(2000)))
			q.Put([]byte(text), 1)
			waits[text] = true
		case k < 98:
			b, payload := q.Take(goods)
			if b == nil {
				continue
			}
			if !waits[string(payload)] {
				t.Fatalf("block %.20q was never put, or is out already", payload)
			}
			switch f := rnd.IntN(10); {
			case f < 7:
				goods++
				delete(waits, string(payload))
				q.Settle(b, storage.Delivered)
			case f < 9:
				q.Settle(b, storage.Undelivered)
			default:
				b.Refused(goods)
				q.Settle(b, storage.RefusedIt)
			}
		case k < 99:
			q.full = errors.New("no room")
		default:
			q.full = nil
		}
		if int(q.Rows()) != len(waits) {
			t.Fatalf("%d rows wait, want %d", q.Rows(), len(waits))
		}
	}
	got := q.all()
	if len(got) != len(waits) || len(q.lost) != 0 {
		t.Fatalf("%d blocks left, want %d; lost %v", len(got), len(waits), q.lost)
	}
	if q.Octets() != 0 {
		t.Errorf("an empty queue takes %d octets", q.Octets())
	}
}

func TestTheQueueIsBoundedAndDropsTheOldest(t *testing.T) {
	q := newQueue(t, 1<<20)
	for i := range 3000 {
		q.Put(fmt.Appendf(nil, "%04d %s", i, bytes.Repeat([]byte{'x'}, 1000)), 10)
	}
	if q.Octets() > 1<<20 || q.Octets() < 1<<20*3/4 {
		t.Errorf("%d octets of 1 MiB", q.Octets())
	}
	if int64(q.lost["queue_full"])+q.Rows() != 30_000 || q.Lost() != int64(q.lost["queue_full"]) {
		t.Errorf("%v lost and %d wait of 30000", q.lost, q.Rows())
	}
	got := q.all()
	for i, text := range got {
		if text[:4] != fmt.Sprintf("%04d", 2999-i) {
			t.Fatalf("block %d is %.4s, want %04d", i, text, 2999-i)
		}
	}
	var size int64
	files, _ := os.ReadDir(q.dir)
	for _, f := range files {
		about, _ := f.Info()
		size += about.Size()
	}
	if size > 1<<20 {
		t.Errorf("%d octets in files", size)
	}
}

func TestWhatWaitedTooLongIsDropped(t *testing.T) {
	q := newQueue(t, 1<<20)
	for i := range 120 { // two hours, one allowed
		q.Put(fmt.Appendf(nil, "%03d %s", i, bytes.Repeat([]byte{'x'}, 100_000)), 1)
		q.now += 60_000
		if i == 60 {
			q.reopen()
		}
	}
	if q.lost["too_old"]+q.lost["queue_full"] == 0 {
		t.Fatalf("nothing is lost: %v", q.lost)
	}
	small := newQueue(t, 64<<20)
	small.Put([]byte("old"), 7)
	small.now += 2 * 3_600_000
	small.Put([]byte("new"), 1)
	// they share a file, which goes when its newest is too old
	small.now += 3_600_001
	if got := small.all(); len(got) != 0 || small.lost["too_old"] != 8 {
		t.Errorf("blocks %q, lost %v", got, small.lost)
	}
}

func TestAFullDiskDoesNotStopTheQueue(t *testing.T) {
	q := newQueue(t, 1<<20)
	q.Put([]byte("disk"), 1)
	q.full = errors.New("/data has 3 MB free")
	q.Put([]byte("memory"), 1)
	if q.Trouble() != "what waits to be sent is kept in memory: /data has 3 MB free" {
		t.Errorf("trouble %q", q.Trouble())
	}
	q.full = nil
	q.Put([]byte("disk again"), 1)
	if got := q.all(); !slices.Equal(got, []string{"disk again", "memory", "disk"}) {
		t.Errorf("blocks %q", got)
	}
	q.full = errors.New("full")
	q.Put([]byte("x"), 1)
	if err := q.Close(); err == nil {
		t.Error("what was in memory only is lost without a word")
	}
}

// Whatever happens to a file, no block comes back other than it was put.
func TestADamagedFileGivesNoWrongBlock(t *testing.T) {
	q := newQueue(t, 64<<20)
	put := map[string]bool{}
	for i := range 50 {
		text := fmt.Sprintf("%d %s", i, bytes.Repeat([]byte{byte(i)}, 200))
		put[text] = true
		q.Put([]byte(text), 1)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(q.dir, "*"))
	whole, err := os.ReadFile(files[0])
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		b := slices.Clone(whole)
		if rnd.IntN(2) == 0 {
			b = b[:rnd.IntN(len(b))]
		} else {
			b[rnd.IntN(len(b))] ^= 1 << rnd.IntN(8)
		}
		if err := os.WriteFile(files[0], b, 0o600); err != nil {
			t.Fatal(err)
		}
		q.open()
		for _, text := range q.all() {
			if !put[text] {
				t.Fatalf("block %.30q was never put", text)
			}
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A file of the queue is whole blocks and a rest, and the blocks written again
// are the same octets.
func FuzzQueueFile(f *testing.F) {
	f.Add(storage.AppendBlock(storage.AppendBlock(nil, []byte("ab"), 3, 4), []byte("c"), 1, 5))
	f.Add([]byte{0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		blocks, rows, put, rest := storage.ParseBlocks(b)
		var again []byte
		for i := range blocks {
			again = storage.AppendBlock(again, blocks[i], rows[i], put[i])
		}
		if rest < 0 || !bytes.Equal(again, b[:len(b)-rest]) {
			t.Fatalf("%d blocks and a rest of %d of %d octets do not make the file", len(blocks), rest, len(b))
		}
	})
}
