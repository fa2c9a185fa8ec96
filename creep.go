package spate

import "time"

// A Creep is a port whose traffic has grown slowly: no alarm, a line of a weekly
// report.
type Creep struct {
	Port   PortID
	Metric Metric
	Before float64 // mean of a week, four weeks ago, per second
	Now    float64 // mean of the last seven days
}

// Creeps is such a report, the greatest growth first.
type Creeps struct {
	At    time.Time
	Ports int // that have a history long enough
	List  []Creep
}

// Take adds a port where one of its directions carries much more than it did.
// floor is in bits per second: less growth is nothing; by is the factor.
func (c *Creeps) Take(id PortID, before, now [2]float64, floor, by float64) {
	for dir := range before {
		if now[dir] >= by*before[dir] && now[dir]-before[dir] >= floor {
			c.List = append(c.List, Creep{Port: id, Metric: Metric(int(InBps) + dir), Before: before[dir], Now: now[dir]})
		}
	}
}
