package spate

import "time"

// A Backtest is what Spate would have said of a time gone by, from what is stored
// of it.
type Backtest struct {
	From      time.Time // reported from here on
	To        time.Time
	Learned   time.Time // the baselines learn from here on
	Ports     int
	Marks     []PastMark // newest last
	MoreMarks int        // that are not listed
	Incidents []*Incident
}

// A PastMark is a port that would have been marked.
type PastMark struct {
	Port  PortID
	Since time.Time
	Until time.Time
	Text  string
}
