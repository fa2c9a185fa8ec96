package detect

import "math"

// Levels that a series sustains: this sample; the least of the last two; the least
// of the last three slots of five minutes; the third smallest of the last nine, so
// that 7 of 9 are above it.
const (
	numLevels  = 4
	numSlots   = 9
	slotLength = 300 // s
	hoursAWeek = 168
)

// Octaves by which a level must pass a record to be a surprise, by level; the
// longer it lasts the less is needed.
var margins = [numLevels]int32{2 * octave, 3 * octave / 2, octave, 5 * octave / 8}

const (
	octave     = 256 // of records, which leak slowly
	step       = 32  // of codes: an eighth of an octave
	leakPerDay = octave / 42
	priorStart = 3 * octave // is added to margins on the first day
	priorFall  = octave / 2 // and falls by this each day
	hourWeight = 0.3        // of a new hour in what is usual

	clearAfter = 900   // s without surprise end an alarm
	clearPolls = 2     // and as many samples
	firstDay   = 86400 // s in which records are taken at once
	longGap    = 45 * 60
	clockBack  = 120 // s: a sample so much older than the last one means that the clock was set back
)

// A Series is the memory of one rate of one port: 252 octets or less. The zero value has
// seen nothing. One goroutine updates it at a time.
type Series struct {
	usual  [hoursAWeek]uint8 // code of the hour of the week; 0: not known
	slots  [numSlots]uint8   // least code of finished slots, newest first; 0: none
	recent [2]uint8          // codes of the last samples, newest first
	low    uint8             // least code of the slot under way
	hour   uint8             // of the week, the one under way
	polls  uint8             // samples without surprise since the last one with

	record, rise   [numLevels]uint16 // greatest level, and greatest level above the usual plus riseZero
	today, climbed [numLevels]uint16 // the same of today, not counted yet
	peak, height   [numLevels]uint8  // of the alarm: greatest level, and above the usual plus 128
	long           [2]uint8          // levels 2 and 3, which change with the slot only

	since   uint32 // first sample, s since 1970; 0: none
	at      uint32 // last one
	alarmed uint32 // since; 0: not
	calm    uint32 // last surprise
	slot    uint32 // number of the slot under way
	day     int32  // of today, by the caller
	sum     float32
	count   uint16 // samples of the hour
	flags   uint8
	current uint8 // code of what is usual for the hour under way; 0: not worked out, or not known
}

// Flags. paged: the alarm under way, or the last one, was told to people: it is not
// learned when it clears. settled: an hour has been learned.
const (
	paged = 1 << iota
	settled
)

const riseZero = 16 * octave // records of rises are from -16 octaves up; 0: none yet

// A Sample is one value of a series.
type Sample struct {
	At    int64   // s since 1970
	Value float64 // per second; NaN: not known, which changes nothing
	Hour  int     // of the week, 0 is the first of Monday, in the site's zone
	Day   int     // counts up by one at each midnight there
}

// Limits are what the port can do, in the unit of the series.
type Limits struct {
	Unit  float64 // what code 0 stands for: less is nothing
	Floor float64 // less above the usual is never unusual
	Speed float64 // most it can carry; 0: not known
}

// A Reading says what a sample is beside what was known.
type Reading struct {
	Known    bool    // there is a usual level
	Usual    float64 // for this hour of the week
	Factor   float64 // value / usual
	Surprise bool    // this sample, or what has lasted until it, has never been so
	Hint     bool    // as Surprise, but too small and too short to say anything of a port that is all but idle
	Level    int     // which level says so, longest first: 3 is 35 minutes; -1 none
	Octaves  float64 // by how much it passes its record
	Alarmed  bool    // a surprise is not long enough ago
	Since    int64   // s since 1970; 0: not alarmed
	Cleared  bool    // the alarm has ended with this sample
}

// code is a value in eighths of an octave above the unit, 1 to 255.
func (l *Limits) code(v float64) uint8 {
	bits := math.Float64bits(v / l.Unit)
	octaves := int(bits>>52) - 1023
	if v <= l.Unit {
		return 1
	}
	mantissa, c := bits&(1<<52-1), 8*octaves
	for _, half := range halves {
		if mantissa < half {
			break
		}
		c++
	}
	return uint8(min(max(c, 1), 255))
}

// halves are the mantissas half way between two codes: comparing is a tenth of the
// cost of a logarithm. powers are what codes stand for, in units.
var halves, powers = func() (h [8]uint64, p [256]float64) {
	for i := range h {
		h[i] = math.Float64bits(math.Exp2((float64(i)+0.5)/8)) & (1<<52 - 1)
	}
	for c := range p {
		p[c] = math.Exp2(float64(c) / 8)
	}
	return h, p
}()

// least is the code of a quarter of the floor: what is below it is all alike to the
// judge.
func (l *Limits) least() uint8 { return l.code(l.Floor / 4) }

// brief is what all levels but the longest must be above the usual. A port that is all
// but idle at this hour says little by a small burst: twice the floor, or a tenth of the
// speed, unless it lasts.
func (l *Limits) brief(usual float64) float64 {
	switch {
	case usual >= l.Floor/4:
		return l.Floor
	case l.Speed > 0:
		return min(2*l.Floor, max(l.Floor, l.Speed/10))
	}
	return 2 * l.Floor
}

// value is what a code stands for.
func (l *Limits) value(code uint8) float64 { return l.Unit * powers[code] }

// Update takes one sample. Samples come in the order of time; others are passed
// over. With frozen nothing is learned of it: it belongs to somebody's flood.
func (s *Series) Update(x Sample, l Limits, frozen bool) Reading {
	if x.good() && x.At < int64(s.at)-clockBack {
		s.rewind(x)
	}
	if !x.good() || x.At <= int64(s.at) {
		return s.same(x, l)
	}
	v := l.bounded(x.Value)
	c := l.code(v)
	s.begin(x)
	s.turnDay(x.Day)
	s.take(x, c)
	levels := s.levels()
	usual, known := s.usualAt(x.Hour, &l)
	least := l.least()
	r := s.judge(x, v, usual, known, l, levels, least)
	usual = max(usual, least)
	r.Cleared = s.follow(x, &r, usual, levels)
	if s.alarmed == 0 && !frozen {
		s.learn(x, v, usual, known, levels, &l)
	}
	r.Alarmed, r.Since = s.alarmed != 0, int64(s.alarmed)
	return r
}

// Peek judges a sample of a short window, as a port in an incident is read, by
// itself, and changes nothing.
func (s *Series) Peek(x Sample, l Limits) Reading {
	if !x.good() {
		return s.same(x, l)
	}
	v := l.bounded(x.Value)
	usual, known := s.usualAt(x.Hour, &l)
	r := s.judge(x, v, usual, known, l, [numLevels]uint8{l.code(v)}, l.least())
	r.Alarmed, r.Since = s.alarmed != 0, int64(s.alarmed)
	return r
}

func (x *Sample) good() bool { return x.Value >= 0 && x.Hour >= 0 && x.Hour < hoursAWeek }

// bounded is v, and the speed where v is above it.
func (l *Limits) bounded(v float64) float64 {
	if l.Speed > 0 {
		return min(v, l.Speed)
	}
	return v
}

// same is the state without a new sample.
func (s *Series) same(x Sample, l Limits) Reading {
	r := Reading{Level: -1, Usual: math.NaN(), Factor: math.NaN(), Alarmed: s.alarmed != 0, Since: int64(s.alarmed)}
	if x.Hour >= 0 && x.Hour < hoursAWeek {
		if u, known := s.usualAt(x.Hour, &l); known {
			r.Known, r.Usual = true, l.value(u)
		}
	}
	return r
}

// rewind takes up a clock that was set back: what was sustained is not known on it,
// records and what is usual are.
func (s *Series) rewind(x Sample) {
	at := uint32(x.At)
	s.slots, s.recent, s.low, s.long, s.slot = [numSlots]uint8{}, [2]uint8{}, 0, [2]uint8{}, 0
	age := s.at - s.since
	s.at, s.since, s.day = at-1, at-min(age, at-1), min(s.day, int32(x.Day))
	if s.alarmed != 0 {
		s.alarmed, s.calm = min(s.alarmed, at), min(s.calm, at)
	}
}

// begin notes the first sample, and forgets levels after a long gap: what was
// sustained before it is not sustained now.
func (s *Series) begin(x Sample) {
	if s.since == 0 {
		s.since, s.day, s.hour = uint32(x.At), int32(x.Day), uint8(x.Hour)
	}
	if s.at != 0 && x.At-int64(s.at) > longGap {
		s.slots, s.recent, s.low, s.long = [numSlots]uint8{}, [2]uint8{}, 0, [2]uint8{}
	}
}

// take puts a code into the slots.
func (s *Series) take(x Sample, c uint8) {
	slot := uint32(x.At / slotLength)
	if slot != s.slot && s.low != 0 {
		copy(s.slots[1:], s.slots[:numSlots-1])
		s.slots[0], s.low = s.low, 0
		s.lengthen()
	}
	s.slot, s.at = slot, uint32(x.At)
	if s.low == 0 || c < s.low {
		s.low = c
	}
	s.recent[1], s.recent[0] = s.recent[0], c
}

// levels are what is sustained now, as codes; 0 where too little is known.
func (s *Series) levels() [numLevels]uint8 {
	return [numLevels]uint8{s.recent[0], min(s.recent[0], s.recent[1]), s.long[0], s.long[1]}
}

// lengthen works out what is sustained over slots.
func (s *Series) lengthen() {
	s.long = [2]uint8{}
	if s.slots[2] != 0 {
		s.long[0] = min(s.slots[0], s.slots[1], s.slots[2])
	}
	if s.slots[numSlots-1] != 0 {
		s.long[1] = thirdSmallest(&s.slots)
	}
}

// thirdSmallest of nine.
func thirdSmallest(v *[numSlots]uint8) uint8 {
	a, b, c := uint8(255), uint8(255), uint8(255)
	for _, x := range v {
		switch {
		case x < a:
			a, b, c = x, a, b
		case x < b:
			b, c = x, b
		case x < c:
			c = x
		}
	}
	return c
}
