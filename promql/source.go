package promql

import (
	"context"
	"iter"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"spate"
)

// A Reader answers questions for stored rates; the stores are some.
type Reader interface {
	Query(ctx context.Context, q spate.Query) (*spate.Frame, error)
}

// A Port is a port as it is today.
type Port struct {
	ID          spate.PortID
	Instance    string // the device's address
	Alias       string
	Descr       string
	IfIndex     int
	Speed       spate.BitRate // 0: not known
	Admin, Oper spate.Status
	Polled      time.Time // when it last answered; zero: never
	Unicast     bool      // it sends and receives nothing else, and its packets are stored once
}

// A Source lists the ports there are, in any order.
type Source interface {
	Ports() iter.Seq[Port]
}

func megabits(s spate.BitRate) float64 {
	if s <= 0 {
		return math.NaN()
	}
	return float64(s) / 1e6
}

// stored is the metric that is stored of one that is asked for.
func (p *Port) stored(m spate.Metric) spate.Metric {
	switch {
	case p.Unicast && m == spate.OutUcastPps:
		return spate.OutPps
	case p.Unicast && m == spate.InUcastPps:
		return spate.InPps
	}
	return m
}

// A found is one series that a selector means.
type found struct {
	labels labels.Labels
	metric *metric
	port   Port
}

// Labels of a series. What is empty is left out, as Prometheus does.
const (
	labelName     = labels.MetricName
	labelDevice   = "device"
	labelInstance = "instance"
	labelPort     = "ifName"
	labelAlias    = "ifAlias"
	labelDescr    = "ifDescr"
	labelIndex    = "ifIndex"
)

// label is one label of a port's series.
func (p *Port) label(name string, m *metric) string {
	switch name {
	case labelName:
		return m.name
	case labelDevice:
		return p.ID.Device
	case labelInstance:
		return p.Instance
	case labelPort:
		return p.ID.Name
	case labelAlias:
		return p.Alias
	case labelDescr:
		return p.Descr
	case labelIndex:
		if p.IfIndex > 0 {
			return strconv.Itoa(p.IfIndex)
		}
	}
	return ""
}

func (p *Port) matches(m *metric, matchers []*labels.Matcher) bool {
	for _, x := range matchers {
		if !x.Matches(p.label(x.Name, m)) {
			return false
		}
	}
	return true
}

func (p *Port) labels(m *metric) labels.Labels {
	b := labels.NewScratchBuilder(7)
	for _, name := range [...]string{labelName, labelDevice, labelAlias, labelDescr, labelIndex, labelPort, labelInstance} {
		if v := p.label(name, m); v != "" {
			b.Add(name, v)
		}
	}
	b.Sort()
	return b.Labels()
}

// find lists the series that the matchers mean, sorted by labels; more than most
// is an error.
func (e *Engine) find(ctx context.Context, most int, matchers []*labels.Matcher) ([]found, error) {
	var names, rest []*labels.Matcher
	for _, x := range matchers {
		if x.Name == labelName {
			names = append(names, x)
		} else {
			rest = append(rest, x)
		}
	}
	var wanted []*metric
	for i := range e.metrics {
		m := &e.metrics[i]
		if !slices.ContainsFunc(names, func(x *labels.Matcher) bool { return !x.Matches(m.name) }) {
			wanted = append(wanted, m)
		}
	}
	var list []found
	for p := range e.source.Ports() {
		if len(wanted) == 0 || !p.matches(wanted[0], rest) {
			continue
		}
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		for _, m := range wanted {
			if m.now != nil && math.IsNaN(m.now(&p)) {
				continue
			}
			if len(list) == most {
				return nil, tooMuch("this means more than %d series: name a device or ports in the selector", most)
			}
			list = append(list, found{labels: p.labels(m), metric: m, port: p})
		}
	}
	slices.SortFunc(list, func(a, b found) int { return labels.Compare(a.labels, b.labels) })
	return list, nil
}
