package storage_test

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"spate"
	"spate/storage/storagetest"
)

const childFolder = "SPATE_TEST_STORE" // set: this process is the one to be killed

// valueOf is the value of a slot, so that a wrong one would show.
func valueOf(slot int) float64 { return float64(1000 + slot*7) }

// writeUntilKilled is the child: 20 slots a second of eight ports, and a line
// with the number of slots written for each.
func writeUntilKilled(t *testing.T) {
	e := open(t, config(os.Getenv(childFolder)))
	base := storagetest.Start()
	fmt.Println("start", base.Unix())
	pace := time.NewTicker(50 * time.Millisecond)
	for i := 0; ; i++ {
		for p := range 8 {
			id := spate.PortID{Device: "sw-1", Name: strconv.Itoa(p)}
			put(t, e, round(id, base.Add(time.Duration(i+1)*10*time.Second), 10*time.Second, valueOf(i)))
		}
		fmt.Println("slot", i)
		<-pace.C
	}
}

func TestKilledInMidWriteLosesOnlyWhatWasInMemory(t *testing.T) {
	if os.Getenv(childFolder) != "" {
		writeUntilKilled(t)
	}
	if testing.Short() {
		t.Skip("writes for 20 s")
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledInMidWriteLosesOnlyWhatWasInMemory$", "-test.v")
	cmd.Env = append(os.Environ(), childFolder+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var start int64
	written := map[int]time.Time{} // when each slot was
	last := 0
	began := time.Now()
	for in := bufio.NewScanner(out); in.Scan() && time.Since(began) < 20*time.Second; {
		_, _ = fmt.Sscanf(in.Text(), "start %d", &start)
		if n, _ := fmt.Sscanf(in.Text(), "slot %d", &last); n == 1 {
			written[last] = time.Now()
		}
	}
	killed := time.Now()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if start == 0 || last < 50 {
		t.Fatalf("the child wrote %d slots only", last)
	}

	began = time.Now()
	e := open(t, config(dir))
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("reopened in %v, want 2 s at most", took)
	}
	base := time.Unix(start, 0)
	lost := time.Duration(0)
	for p := range 8 {
		id := spate.PortID{Device: "sw-1", Name: strconv.Itoa(p)}
		v := ask(t, e, id, base, base.Add(time.Duration(last+10)*10*time.Second), 4096).Series[0].Avg
		for i, x := range v {
			switch {
			case math.IsNaN(x):
				if at, ok := written[i]; ok {
					lost = max(lost, killed.Sub(at))
				}
			case x != valueOf(i):
				t.Fatalf("port %d slot %d is %v, want %v", p, i, x, valueOf(i))
			}
		}
	}
	t.Logf("killed after %v: the oldest value lost was %v old", killed.Sub(written[0]).Round(time.Second), lost.Round(100*time.Millisecond))
	if lost > 16*time.Second {
		t.Errorf("lost what was %v old, want at most 16 s: what the engine holds in memory for up to 12, and our batch", lost)
	}
	put(t, e, round(gi1, base.Add(10*time.Second), 10*time.Second, 4))
	flush(t, e)
}
