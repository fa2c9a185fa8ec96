package spate_test

import (
	"bufio"
	"compress/gzip"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"spate"
)

// leafReading is one line of the recorded counters of a leaf switch.
type leafReading struct {
	at       time.Time
	port     string
	counters [8]uint64 // in and out octets, packets, multicast, broadcast
}

func leafReadings(t *testing.T) []leafReading {
	t.Helper()
	dir := os.Getenv("SPATE_TRAFFIC")
	if dir == "" {
		t.Skip("SPATE_TRAFFIC names no folder of real traffic")
	}
	f, err := os.Open(filepath.Join(dir, "cisco-leaf7-36ports-rawcounters-10s.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out []leafReading
	lines := bufio.NewScanner(z)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ",")
		ms, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil || len(fields) != 10 {
			continue // the heading
		}
		r := leafReading{at: time.UnixMilli(ms), port: fields[1]}
		for i := range r.counters {
			if r.counters[i], err = strconv.ParseUint(fields[2+i], 10, 64); err != nil {
				t.Fatalf("%s: %v", lines.Text(), err)
			}
		}
		out = append(out, r)
	}
	if lines.Err() != nil || len(out) < 30_000 {
		t.Fatalf("%d readings: %v", len(out), lines.Err())
	}
	return out
}

// TestALeafSwitchSendsWhatItReceives replays three hours of a real switch, 36
// ports of 100 Gb/s with links that were shut and opened, through the rates: what
// comes in goes out, and no rate is one that the port cannot have had.
func TestALeafSwitchSendsWhatItReceives(t *testing.T) {
	const speed = 100e9
	prev := map[string]spate.Sample{}
	type poll struct {
		in, out float64
		ports   int
	}
	polls := map[int]*poll{} // by the number of the port's reading: answers of one poll are milliseconds apart
	number := map[string]int{}
	gaps := map[spate.Gap]int{}
	var in, out, counted float64
	rates, most := 0, 0.0
	first := map[string]uint64{}
	last := map[string]uint64{}
	for _, r := range leafReadings(t) {
		s := spate.Sample{At: r.at, Trip: time.Millisecond}
		for c, v := range r.counters {
			switch c / 2 {
			case 0:
				s.Set(spate.InOctets+spate.Counter(c), v, true)
			case 1:
				s.Set(spate.InUcastPkts+spate.Counter(c-2), v, true)
			case 2:
				s.Set(spate.InMcastPkts+spate.Counter(c-4), v, true)
			default:
				s.Set(spate.InBcastPkts+spate.Counter(c-6), v, true)
			}
		}
		if _, seen := first[r.port]; !seen {
			first[r.port] = r.counters[0]
		}
		last[r.port] = r.counters[0]
		before, had := prev[r.port]
		if !had {
			prev[r.port] = s
			continue
		}
		rate, gap := spate.Between(&before, &s, spate.Bounds{Limit: speed, Heartbeat: 2 * time.Minute})
		if gap != spate.GapOrder {
			prev[r.port] = s
		}
		if gap != "" {
			gaps[gap]++
			continue
		}
		rates++
		most = max(most, rate.Values[spate.InBps], rate.Values[spate.OutBps])
		number[r.port]++
		p := polls[number[r.port]]
		if p == nil {
			p = &poll{}
			polls[number[r.port]] = p
		}
		p.ports++
		p.in += rate.Values[spate.InBps]
		p.out += rate.Values[spate.OutBps]
		in += rate.Values[spate.InBps] * rate.Over.Seconds() / 8
		out += rate.Values[spate.OutBps] * rate.Over.Seconds() / 8
	}
	for port := range first {
		counted += float64(last[port] - first[port])
	}
	var off []float64
	for _, p := range polls {
		if p.ports == len(first) {
			off = append(off, math.Abs(p.in-p.out)/p.in)
		}
	}
	slices.Sort(off)
	p99 := off[len(off)*99/100]
	t.Logf("%d rates, gaps %v, most %v; in %.4g and out %.4g octets (%.4f %% apart), counted %.4g; per poll apart: median %.4f %%, p99 %.4f %%, most %.4f %%",
		rates, gaps, spate.BitRate(most), in, out, 100*math.Abs(in-out)/in, counted, 100*off[len(off)/2], 100*p99, 100*off[len(off)-1])
	if math.Abs(in-out)/in > 0.001 {
		t.Errorf("over three hours in %.6g and out %.6g octets", in, out)
	}
	if p99 > 0.001 {
		t.Errorf("in one poll of a hundred in and out are %.3f %% apart or more", 100*p99)
	}
	if most > speed {
		t.Errorf("a rate of %v on a port of 100 Gb/s", spate.BitRate(most))
	}
	if math.Abs(in-counted)/counted > 1e-6 && len(gaps) == 0 {
		t.Errorf("rates hold %.9g octets, the ports counted %.9g", in, counted)
	}
}
