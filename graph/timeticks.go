package graph

import (
	"cmp"
	"slices"
	"time"

	"gonum.org/v1/plot"
)

// A stride is the distance of two labels on the time axis, in one of three
// ways of counting: minutes of the day, days, months.
type stride struct {
	minutes, days, months int
	about                 time.Duration
}

// strides are the distances people read easily, shortest first.
func strides() []stride {
	var all []stride
	for _, m := range []int{1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720} {
		all = append(all, stride{minutes: m, about: time.Duration(m) * time.Minute})
	}
	for _, d := range []int{1, 2, 7} {
		all = append(all, stride{days: d, about: time.Duration(d) * 24 * time.Hour})
	}
	for _, m := range []int{1, 2, 3, 6, 12, 24, 60, 120, 240, 600} {
		all = append(all, stride{months: m, about: time.Duration(m) * 730 * time.Hour})
	}
	return all
}

// timeTicks are the labels of the time axis from one time to another in a
// zone, at round local times, as tick values in seconds since from. Of all
// strides the shortest is taken that leaves room for every label: room tells
// how long a label is, in seconds of the axis.
func timeTicks(from, to time.Time, zone *time.Location, room func(label string) float64) []plot.Tick {
	span := to.Sub(from)
	if span <= 0 {
		return nil
	}
	most := span.Seconds() / room("Jul") // no label is shorter
	for _, s := range strides() {
		if span.Seconds()/s.about.Seconds() > most+1 {
			continue
		}
		if ticks := s.ticks(from, to, zone); fits(ticks, room) {
			return ticks
		}
	}
	return nil
}

// fits tells whether no label touches the one before.
func fits(ticks []plot.Tick, room func(string) float64) bool {
	end := -1e18
	for _, t := range ticks {
		if t.Label == "" {
			continue
		}
		half := room(t.Label) / 2
		if t.Value-half < end {
			return false
		}
		end = t.Value + half
	}
	return true
}

// ticks walks the clock on the wall, not the seconds: every wall time that
// exists is asked for by name, and the ones a change of summer time skips are
// left out, the ones it repeats come twice and say which is which.
func (s stride) ticks(from, to time.Time, zone *time.Location) []plot.Tick {
	var ticks []plot.Tick
	add := func(at time.Time, label string) {
		if !at.Before(from) && !at.After(to) {
			ticks = append(ticks, plot.Tick{Value: at.Sub(from).Seconds(), Label: label})
		}
	}
	local := from.In(zone).Add(-3 * time.Hour)
	for wall := s.first(wallOf(local)); ; wall = s.next(wall) {
		first, second := instants(wall, zone)
		if first.After(to) {
			break
		}
		exists := wallOf(first).Equal(wall)
		if exists || wall.Hour() == 0 && wall.Minute() == 0 {
			add(first, s.label(wall))
		}
		if !second.IsZero() && s.minutes > 0 && s.minutes < 60 {
			add(second, wall.Format("15:04 ")+zoneName(second))
		}
	}
	slices.SortFunc(ticks, func(a, b plot.Tick) int { return cmp.Compare(a.Value, b.Value) })
	return ticks
}

// first is the round wall time at or before wall.
func (s stride) first(wall time.Time) time.Time {
	y, m, d := wall.Date()
	midnight := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	switch {
	case s.minutes > 0:
		past := wall.Hour()*60 + wall.Minute()
		return midnight.Add(time.Duration(past-past%s.minutes) * time.Minute)
	case s.days > 0:
		const monday = 3 // 1970-01-01 was a Thursday, three days after one
		day := int(midnight.Unix()/86400) + monday
		return midnight.AddDate(0, 0, -(day % s.days))
	}
	n := y*12 + int(m) - 1
	n -= n % s.months
	return time.Date(n/12, time.Month(n%12+1), 1, 0, 0, 0, 0, time.UTC)
}

func (s stride) next(wall time.Time) time.Time {
	if s.minutes > 0 {
		return wall.Add(time.Duration(s.minutes) * time.Minute)
	}
	return wall.AddDate(0, s.months, s.days)
}

// label names a wall time: the clock, the day where one begins, the month or
// the year where the axis counts those.
func (s stride) label(wall time.Time) string {
	midnight := wall.Hour() == 0 && wall.Minute() == 0
	switch {
	case s.months >= 12 || s.months > 0 && wall.Month() == time.January:
		return wall.Format("2006")
	case s.months > 0:
		return wall.Format("Jan")
	case s.days == 7:
		return wall.Format("2 Jan")
	case midnight:
		return wall.Format("Mon 2")
	}
	return wall.Format("15:04")
}

// wallOf is what the clock on the wall shows at t, written as a UTC time.
func wallOf(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// instants are the moments at which the clocks of a zone show a wall time. Two
// where clocks were put back over it, with the second not zero. Where clocks
// were put forward over it there is none, and first is the moment of change.
func instants(wall time.Time, zone *time.Location) (first, second time.Time) {
	y, m, d := wall.Date()
	t := time.Date(y, m, d, wall.Hour(), wall.Minute(), wall.Second(), 0, zone)
	start, end := t.ZoneBounds()
	if !wallOf(t).Equal(wall) {
		if !end.IsZero() && (start.IsZero() || end.Sub(t) < t.Sub(start)) {
			return end, time.Time{}
		}
		return start, time.Time{}
	}
	if other := sameWall(wall, end); !other.IsZero() && other.After(t) {
		return t, other
	}
	if !start.IsZero() {
		if other := sameWall(wall, start.Add(-time.Second)); !other.IsZero() && other.Before(t) {
			return other, t
		}
	}
	return t, time.Time{}
}

// sameWall is the moment that shows wall by the offset in force at near; zero
// where another offset is in force then.
func sameWall(wall, near time.Time) time.Time {
	if near.IsZero() {
		return near
	}
	_, offset := near.Zone()
	t := wall.Add(-time.Duration(offset) * time.Second).In(near.Location())
	if !wallOf(t).Equal(wall) {
		return time.Time{}
	}
	return t
}

// zoneName is the short name of the zone at t, "CET", or its offset "+0530"
// where it has none.
func zoneName(t time.Time) string { return t.Format("MST") }
