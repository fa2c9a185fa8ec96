package detect

import "math"

// usualAt is the code of what is usual for an hour of the week: of that hour, else
// of the same hour of other days, else of the hours known, else of the first hour.
func (s *Series) usualAt(hour int, l *Limits) (code uint8, known bool) {
	switch {
	case s.usual[hour] != 0:
		return s.usual[hour], true
	case s.flags&settled == 0 && s.count > 0:
		return l.code(float64(s.sum) / float64(s.count)), true
	case s.flags&settled == 0:
		return 0, false
	case s.current != 0 && hour == int(s.hour):
		return s.current, true
	}
	sum, n := 0, 0
	for h := hour % 24; h < hoursAWeek; h += 24 {
		if c := s.usual[h]; c != 0 {
			sum, n = sum+int(c), n+1
		}
	}
	if n == 0 {
		for _, c := range s.usual {
			if c != 0 {
				sum, n = sum+int(c), n+1
			}
		}
	}
	if n == 0 {
		return 0, false
	}
	code = uint8((sum + n/2) / n)
	if hour == int(s.hour) {
		s.current = code
	}
	return code, true
}

// hourKnown tells whether an hour of the day has been seen before.
func (s *Series) hourKnown(hour int) bool {
	for h := hour % 24; h < hoursAWeek; h += 24 {
		if s.usual[h] != 0 {
			return true
		}
	}
	return false
}

// around is the greatest usual of an hour and those beside it: a job that begins a
// minute before the hour is no rise of the hour before.
func (s *Series) around(hour int, usual uint8) uint8 {
	return max(usual, s.usual[(hour+hoursAWeek-1)%hoursAWeek], s.usual[(hour+1)%hoursAWeek])
}

// steady is the least usual of an hour and those beside it, 0 where one is not
// known: a job that ends within the hour is no traffic to be missed.
func (s *Series) steady(hour int, unit float64) float64 {
	code := min(s.usual[hour], s.usual[(hour+hoursAWeek-1)%hoursAWeek], s.usual[(hour+1)%hoursAWeek])
	if code == 0 {
		return 0
	}
	return unit * powers[code]
}

// prior is what margins are widened by while the series is young.
func (s *Series) prior(at int64) int32 {
	days := float64(at-int64(s.since)) / 86400
	return int32(max(priorStart-priorFall*days, 0))
}

// judge compares the levels with the records.
func (s *Series) judge(x Sample, v float64, usual uint8, known bool, l Limits, levels [numLevels]uint8, least uint8) Reading {
	r := Reading{Known: known, Level: -1, Usual: math.NaN(), Factor: math.NaN()}
	if !known {
		// Nothing is known yet: only what is half of the speed counts.
		r.Surprise = l.Speed > 0 && v >= l.Speed/2
		if r.Surprise {
			r.Level = 0
		}
		return r
	}
	r.Usual = l.value(usual)
	r.Factor = v / r.Usual
	if v-r.Usual <= l.Floor {
		return r
	}
	prior := s.prior(x.At)
	around := max(s.around(x.Hour, usual), least)
	brief := l.brief(r.Usual)
	for j, c := range levels {
		if c == 0 {
			continue
		}
		floor := brief
		if j == numLevels-1 {
			floor = l.Floor
		}
		small := l.value(c)-r.Usual <= floor
		c = max(c, least)
		most := int32(0) // nothing is a surprise of a level that was never reached
		if s.record[j] != 0 {
			most = int32(c)*step - max(int32(s.record[j]), int32(least)*step)
		}
		if s.rise[j] != 0 {
			most = max(most, riseZero+(int32(c)-int32(around))*step-int32(s.rise[j]))
		}
		switch {
		case most <= margins[j]+prior:
		case small:
			r.Hint = true
		default:
			r.Surprise, r.Level = true, j
			r.Octaves = max(r.Octaves, float64(most)/octave)
		}
	}
	return r
}

// follow opens and closes the alarm, and tells when it has just closed.
func (s *Series) follow(x Sample, r *Reading, usual uint8, levels [numLevels]uint8) (cleared bool) {
	switch {
	case r.Surprise:
		if s.alarmed == 0 {
			s.alarmed = uint32(x.At)
			s.flags &^= paged
			s.peak, s.height = [numLevels]uint8{}, [numLevels]uint8{}
		}
		s.calm, s.polls = uint32(x.At), 0
	case s.alarmed != 0:
		if s.polls < 255 {
			s.polls++
		}
	}
	if s.alarmed == 0 {
		return false
	}
	for j, c := range levels {
		s.peak[j] = max(s.peak[j], c)
		if c != 0 {
			s.height[j] = max(s.height[j], uint8(min(max(128+int(c)-int(usual), 1), 255)))
		}
	}
	if s.polls >= clearPolls && x.At-int64(s.calm) >= clearAfter {
		s.alarmed, cleared = 0, true
	}
	return cleared
}

// learn keeps today's greatest levels, and the hour. On the first day they count
// at once, later from midnight on: a flood that begins slowly does not teach
// itself.
func (s *Series) learn(x Sample, v float64, usual uint8, known bool, levels [numLevels]uint8, l *Limits) {
	least := l.least()
	around := max(s.around(x.Hour, usual), least)
	for j, level := range levels {
		if level == 0 {
			continue
		}
		level = max(level, least)
		s.today[j] = max(s.today[j], uint16(level)*step)
		if !known {
			continue
		}
		// The first night of a job that runs every night is no measure of how far the
		// port strays from its usual: of that hour nothing was known.
		if climb := uint16(max(riseZero+(int32(level)-int32(around))*step, 0)); climb > s.climbed[j] && s.hourKnown(x.Hour) {
			s.climbed[j] = climb
		}
	}
	if x.At-int64(s.since) < firstDay {
		s.commit()
	}
	if uint8(x.Hour) != s.hour {
		s.foldHour(l)
		s.hour = uint8(x.Hour)
	}
	s.sum += float32(v)
	if s.count < math.MaxUint16 {
		s.count++
	}
}

// foldHour makes the hour that is over part of what is usual.
func (s *Series) foldHour(l *Limits) {
	if s.count > 0 {
		mean := float64(l.code(float64(s.sum) / float64(s.count)))
		if was := s.usual[s.hour]; was != 0 {
			mean = float64(was) + hourWeight*(mean-float64(was))
		}
		s.usual[s.hour] = uint8(min(max(math.Round(mean), 1), 255))
	}
	s.sum, s.count, s.current = 0, 0, 0
	s.flags |= settled
}

// turnDay lets records leak, and counts what yesterday brought.
func (s *Series) turnDay(day int) {
	if int32(day) <= s.day {
		return
	}
	leak := uint16(min(int32(day)-s.day, 365) * leakPerDay)
	for j := range s.record {
		s.record[j] -= min(leak, s.record[j])
		s.rise[j] -= min(leak, s.rise[j])
	}
	s.commit()
	s.day = int32(day)
}

func (s *Series) commit() {
	for j := range s.record {
		s.record[j] = max(s.record[j], s.today[j])
		s.rise[j] = max(s.rise[j], s.climbed[j])
	}
	s.today, s.climbed = [numLevels]uint16{}, [numLevels]uint16{}
}

// Accept learns what the last alarm reached: of a mark when it has cleared, so that
// a new weekly job is told once, or of a flood that the operator has called
// expected. What was paged is learned by nothing else.
func (s *Series) Accept() {
	for j := range s.record {
		s.record[j] = max(s.record[j], uint16(s.peak[j])*step)
		if s.height[j] != 0 {
			s.rise[j] = max(s.rise[j], uint16(riseZero+(int32(s.height[j])-128)*step))
		}
	}
	s.alarmed = 0
}

// Reject forgets what today has brought: the operator has called it an attack, and
// its beginning may have been taken for a busy day.
func (s *Series) Reject() {
	s.today, s.climbed = [numLevels]uint16{}, [numLevels]uint16{}
	s.flags |= paged
}

// Page notes that the alarm under way was told to people.
func (s *Series) Page() { s.flags |= paged }

// Paged tells whether the last alarm was.
func (s *Series) Paged() bool { return s.flags&paged != 0 }
