package detect_test

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"spate/detect"
)

// record is one recorded series.
type record struct {
	name     string
	step     int64
	speed    float64 // most it can carry, in its unit
	packets  bool
	at       []int64
	v        []float64 // NaN: not polled
	floor    float64
	unit     float64
	activity float64
}

const (
	warmUp   = 7 * 86400
	clear    = 900  // s without, and an alarm is over
	together = 3600 // s apart, and two alarms are one
	frame    = 84 * 8
)

// trafficFolder is SPATE_TRAFFIC, or the test is skipped.
func trafficFolder(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("SPATE_TRAFFIC")
	if dir == "" {
		t.Skip("SPATE_TRAFFIC names no folder of real traffic")
	}
	return dir
}

// records reads the columns of a file; the speed is given for bits.
func records(t testing.TB, file string, step int64, speed func(most float64) float64, columns ...string) []*record {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	lines.Scan()
	head := strings.Split(lines.Text(), ",")
	var out []*record
	var where []int
	for _, c := range columns {
		if i := slices.Index(head, c); i >= 0 {
			where = append(where, i)
			out = append(out, &record{name: filepath.Base(file) + " " + c, step: step, packets: strings.HasSuffix(c, "pps")})
		}
	}
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ",")
		at, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for k, i := range where {
			v, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				v = math.NaN()
			}
			out[k].at, out[k].v = append(out[k].at, at), append(out[k].v, v)
		}
	}
	most := 0.0
	for _, r := range out {
		for _, v := range r.v {
			if !r.packets && v > most {
				most = v
			}
		}
	}
	for _, r := range out {
		r.speed, r.unit = speed(most), 256
		r.floor = math.Max(2e6, 0.02*r.speed)
		if r.packets {
			r.speed, r.unit = r.speed/frame, 1
			r.floor = math.Max(3e3, 0.02*r.speed)
		}
		n := 0
		for _, v := range r.v {
			if !math.IsNaN(v) {
				r.activity, n = r.activity+v, n+1
			}
		}
		r.activity /= math.Max(1, float64(n))
	}
	return out
}

// gigabit is the port of a hosted machine: 1 Gb/s, or 10 where it carried more.
func gigabit(most float64) float64 {
	if most > 1e9 {
		return 10e9
	}
	return 1e9
}

// fitting is the smallest usual speed that is twice what was ever carried: these
// recordings are scaled, only ratios are real.
func fitting(most float64) float64 {
	for _, s := range []float64{10e6, 100e6, 1e9, 10e9} {
		if s >= 2*most {
			return s
		}
	}
	return 100e9
}

func hosting(t testing.TB) (out []*record) {
	files, _ := filepath.Glob(filepath.Join(trafficFolder(t), "hosting-vm*.csv.gz"))
	for _, f := range files {
		out = append(out, records(t, f, 300, gigabit, "in_bps", "out_bps")...)
	}
	return out
}

// busy are the sums of ten hosted machines each, as a server of them would carry.
func busy(t testing.TB) (out []*record) {
	all := hosting(t)
	for from := 0; from+20 <= len(all); from += 20 { // ten machines, in and out in turn
		for dir := range 2 {
			sum := *all[from+dir]
			sum.name = fmt.Sprintf("server-%d %d", from/20, dir)
			sum.v = slices.Clone(sum.v)
			for k := from + 2 + dir; k < from+20; k += 2 {
				for i := range min(len(sum.v), len(all[k].v)) {
					sum.v[i] += all[k].v[i]
				}
			}
			most, n := 0.0, 0
			sum.activity = 0
			for _, v := range sum.v {
				if !math.IsNaN(v) {
					most, sum.activity, n = max(most, v), sum.activity+v, n+1
				}
			}
			sum.activity /= math.Max(1, float64(n))
			sum.speed = gigabit(most)
			sum.floor = math.Max(2e6, 0.02*sum.speed)
			out = append(out, &sum)
		}
	}
	return out
}

func servers(t testing.TB, columns ...string) (out []*record) {
	files, _ := filepath.Glob(filepath.Join(trafficFolder(t), "server-smd-*.csv.gz"))
	for _, f := range files {
		out = append(out, records(t, f, 60, fitting, columns...)...)
	}
	if columns[0] == "in_pps" { // their line rate follows from the bits beside them
		for i, f := range files {
			bits := records(t, f, 60, fitting, "in_bps", "out_bps")
			for k := range columns {
				r := out[i*len(columns)+k]
				r.speed = bits[0].speed / frame
				r.floor = math.Max(3e3, 0.02*r.speed)
			}
		}
	}
	return out
}

// contender makes the detectors of one kind.
type contender struct {
	name string
	make func(r *record) rival
}

func contenders() []contender {
	return []contender{
		{"static 80 %", func(r *record) rival { return &static{0.8 * r.speed} }},
		{"mean + 3 sigma, 24 h", func(r *record) rival { return newSigma(3, r.floor, r.step) }},
		{"RRDtool Holt-Winters", func(r *record) rival { return newHoltWinters(2, r.floor, r.step) }},
		{"Holt-Winters, band 16", func(r *record) rival { return newHoltWinters(16, r.floor, r.step) }},
		{"Grafana adaptive", func(r *record) rival { return newAdaptive(r.floor, r.step) }},
		{"Spate", func(r *record) rival {
			return &ours{l: detect.Limits{Unit: r.unit, Floor: r.floor, Speed: r.speed}}
		}},
	}
}

// flood is traffic on top of what is there, i samples after its beginning.
type flood struct {
	name   string
	length int64 // s
	extra  func(r *record, now, usual float64, i, n int) float64
	fits   func(r *record, usual float64) bool
}

func always(*record, float64) bool { return true }

func floods() []flood {
	step := func(share float64) func(*record, float64, float64, int, int) float64 {
		return func(r *record, _, _ float64, _, _ int) float64 { return share * r.speed }
	}
	times := func(k float64) func(*record, float64, float64, int, int) float64 {
		return func(_ *record, _, usual float64, _, _ int) float64 { return (k - 1) * usual }
	}
	large := func(k float64) func(*record, float64) bool {
		return func(r *record, usual float64) bool { return (k-1)*usual > 2*r.floor && k*usual < r.speed }
	}
	return []flood{
		{"+90 %", 3600, step(0.9), always}, {"+30 %", 3600, step(0.3), always}, {"+10 %", 3600, step(0.1), always},
		{"x10", 3600, times(10), large(10)}, {"x3", 3600, times(3), large(3)},
		{"ramp 1 h", 3600, func(r *record, _, _ float64, i, n int) float64 { return 0.3 * r.speed * float64(i+1) / float64(n) }, always},
		{"ramp 6 h", 6 * 3600, func(r *record, _, _ float64, i, n int) float64 {
			return 0.01 * r.speed * math.Pow(30, float64(i+1)/float64(n))
		}, always},
		{"60 s", 0, func(r *record, _, _ float64, _, _ int) float64 { return r.speed * math.Min(1, 60/float64(r.step)) }, always},
	}
}

// score is how one detector did on some series.
type score struct {
	episodes, active    int // alarms of a port, both directions together
	weeks, activeMonths float64
	began               []int64 // alarms of the port under way
	all                 []int64 // alarms of all ports
	caught, tried       map[string]int
	delays              []float64
	octets              int
}

func judge(records []*record, c contender, seed uint64) score {
	s := score{caught: map[string]int{}, tried: map[string]int{}}
	for k, r := range records {
		d := c.make(r)
		s.octets = d.octets()
		dice := rand.New(rand.NewPCG(seed, uint64(k)))
		s.one(r, d, dice)
		if port, _, _ := strings.Cut(r.name, " "); k+1 == len(records) || !strings.HasPrefix(records[k+1].name, port+" ") {
			s.count(r)
		}
	}
	return s
}

// count closes a port: alarms of its directions that are together are one.
func (s *score) count(r *record) {
	slices.Sort(s.began)
	last := int64(-1 << 40)
	for _, at := range s.began {
		if at-last > together {
			s.episodes++
			s.all = append(s.all, at)
			if r.activity > activeRate {
				s.active++
			}
		}
		last = at
	}
	s.began = s.began[:0]
	seconds := float64(r.at[len(r.at)-1] - r.at[0] - warmUp)
	s.weeks += seconds / (7 * 86400)
	if r.activity > activeRate {
		s.activeMonths += seconds / (30 * 86400)
	}
}

// one runs a series, counts its natural alarms as false, and floods it four times.
func (s *score) one(r *record, d rival, dice *rand.Rand) {
	first := sort.Search(len(r.at), func(i int) bool { return r.at[i] >= r.at[0]+warmUp })
	moments := map[int]bool{}
	for len(moments) < 4 && len(r.at)-first > 800 {
		moments[first+dice.IntN(len(r.at)-first-400)] = true
	}
	last, ended := int64(0), int64(-1<<40)
	recent := make([]float64, 0, 3600/r.step)
	for i, v := range r.v {
		if math.IsNaN(v) {
			continue
		}
		if moments[i] && r.at[i]-last > clear {
			s.floods(r, d, i, mean(recent))
		}
		if len(recent) == cap(recent) {
			recent = append(recent[:0], recent[1:]...)
		}
		recent = append(recent, v)
		if !d.step(r.at[i], v) {
			continue
		}
		if i >= first && r.at[i]-last > clear {
			if r.at[i]-ended > together {
				s.began = append(s.began, r.at[i])
			}
		}
		last, ended = r.at[i], r.at[i]
	}
}

// activeRate makes a port count as active: 10 kb/s, or packets, on average.
const activeRate = 10e3

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / math.Max(1, float64(len(v)))
}

func (s *score) floods(r *record, d rival, i int, usual float64) {
	for _, f := range floods() {
		if !f.fits(r, usual) {
			continue
		}
		s.tried[f.name]++
		c := d.clone()
		n := max(1, int(f.length/r.step))
		for j := 0; j < n && i+j < len(r.v); j++ {
			v := r.v[i+j]
			if math.IsNaN(v) {
				continue
			}
			if c.step(r.at[i+j], math.Min(v+f.extra(r, v, usual, j, n), r.speed)) {
				s.caught[f.name]++
				if f.name == "+30 %" {
					s.delays = append(s.delays, float64(j))
				}
				break
			}
		}
	}
}

func (s *score) share(flood string) float64 {
	return 100 * float64(s.caught[flood]) / math.Max(1, float64(s.tried[flood]))
}

// groups counts alarms of all ports that begin within half an hour of each other as
// one: people see one thing happen.
func (s *score) groups() (n int) {
	slices.Sort(s.all)
	last := int64(-1 << 40)
	for _, at := range s.all {
		if at-last > clear*2 {
			n++
		}
		last = at
	}
	return n
}

func (s *score) line() string {
	out := fmt.Sprintf("%7.2f %9.1f %7.1f ", float64(s.active)/math.Max(s.activeMonths, 1e-9), 1000*float64(s.episodes)/s.weeks, 1000*float64(s.groups())/s.weeks)
	for _, f := range floods() {
		if s.tried[f.name] == 0 {
			out += "      -"
			continue
		}
		out += fmt.Sprintf(" %6.1f", s.share(f.name))
	}
	sort.Float64s(s.delays)
	at := func(q float64) float64 {
		if len(s.delays) == 0 {
			return math.NaN()
		}
		return s.delays[int(q*float64(len(s.delays)-1))]
	}
	return out + fmt.Sprintf("  %4.0f %4.0f %8d", at(0.5), at(0.9), s.octets)
}

func heading() string {
	out := fmt.Sprintf("%-24s %7s %9s %7s ", "", "/month", "/1000 pw", "grouped")
	for _, f := range floods() {
		out += fmt.Sprintf(" %6s", strings.ReplaceAll(strings.ReplaceAll(f.name, "ramp ", "r"), " ", ""))
	}
	return out + fmt.Sprintf("  %4s %4s %8s", "d50", "d90", "octets")
}

// BenchmarkDetectors prints the table of docs/detection.md: false marks for each
// month of an active port and for 1000 port-weeks, the share of floods caught in
// percent, the delay of the +30 % flood in samples, octets for each series.
func BenchmarkDetectors(b *testing.B) {
	groups := []struct {
		name string
		all  []*record
	}{{"hosted machines, 5 min", hosting(b)}, {"sums of ten of them", busy(b)}, {"servers, bits, 1 min", servers(b, "in_bps", "out_bps")}, {"servers, packets, 1 min", servers(b, "in_pps", "out_pps")}}
	for b.Loop() {
		for _, g := range groups {
			fmt.Printf("\n%s (%d series)\n%s\n", g.name, len(g.all), heading())
			for _, c := range contenders() {
				s := judge(g.all, c, 7)
				fmt.Printf("%-24s %s\n", c.name, s.line())
			}
		}
	}
}

// Spate cries less than what others ship, and catches floods all the same.
func TestOnRecordedTraffic(t *testing.T) {
	all := hosting(t)
	got := map[string]score{}
	for _, c := range contenders() {
		if c.name == "Spate" || strings.HasPrefix(c.name, "mean") || strings.HasPrefix(c.name, "Grafana") {
			got[c.name] = judge(all, c, 3)
		}
	}
	s := got["Spate"]
	for name, other := range got {
		if name != "Spate" && other.episodes < 10*s.episodes {
			t.Errorf("%s: %d false marks, Spate %d: want a tenth at most", name, other.episodes, s.episodes)
		}
	}
	for flood, least := range map[string]float64{"+90 %": 99, "+30 %": 97, "+10 %": 94, "ramp 6 h": 95, "60 s": 75} {
		if s.share(flood) < least {
			t.Errorf("%s: %.1f %% caught, want %v", flood, s.share(flood), least)
		}
	}
}
