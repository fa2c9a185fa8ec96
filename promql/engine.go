package promql

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// An Engine answers PromQL. Its methods may be called from many goroutines.
type Engine struct {
	reader   Reader
	source   Source
	limits   Limits
	lookback time.Duration
	metrics  []metric
	parser   parser.Parser
	engine   *promql.Engine
	seats    chan struct{}
}

// noStep is the step of a subquery that names none.
const noStep = time.Minute

// lookback is how old the newest sample may be: Prometheus' own default.
const lookback = 5 * time.Minute

// New makes an engine over a store and a list of ports.
func New(reader Reader, source Source, limits Limits, log *slog.Logger) *Engine {
	p := parser.NewParser(parser.Options{})
	return &Engine{
		reader: reader, source: source, limits: limits, lookback: lookback, metrics: metrics(), parser: p,
		seats: make(chan struct{}, limits.AtOnce),
		engine: promql.NewEngine(promql.EngineOpts{
			Logger: log, MaxSamples: limits.Samples, Timeout: limits.Time, LookbackDelta: lookback, Parser: p,
			EnableAtModifier: true, EnableNegativeOffset: true,
			NoStepSubqueryIntervalFn: func(int64) int64 { return noStep.Milliseconds() },
		}),
	}
}

// A question is an expression over a range; Step 0: at one moment, To.
type question struct {
	text     string
	from, to time.Time
	step     time.Duration
	limit    time.Duration // how long it may take; 0: as long as any
}

// ask evaluates. The result's memory is free again after use ends.
func (e *Engine) ask(ctx context.Context, q question, use func(parser.Value) error) error {
	if len(q.text) > e.limits.Text {
		return tooMuch("an expression of %d octets is over the limit of %d", len(q.text), e.limits.Text)
	}
	limit := e.limits.Time
	if q.limit > 0 {
		limit = min(limit, q.limit)
	}
	ctx, end := context.WithTimeout(ctx, limit)
	defer end()
	select {
	case e.seats <- struct{}{}:
		defer func() { <-e.seats }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := e.affordable(q); err != nil {
		return err
	}
	over := &queryable{e: e, left: newBudget(e.limits.Samples), now: time.Now()}
	query, err := e.query(ctx, over, q)
	if err != nil {
		return badData("%v", err)
	}
	defer query.Close()
	res := query.Exec(ctx)
	if res.Err != nil {
		return res.Err
	}
	return use(res.Value)
}

func (e *Engine) query(ctx context.Context, over *queryable, q question) (promql.Query, error) {
	if q.step > 0 {
		return e.engine.NewRangeQuery(ctx, over, nil, q.text, q.from, q.to, q.step)
	}
	return e.engine.NewInstantQuery(ctx, over, nil, q.text, q.to)
}

// series lists the series that any of the selectors means, each once.
func (e *Engine) series(ctx context.Context, selectors [][]*labels.Matcher) ([]labels.Labels, error) {
	var out []labels.Labels
	seen := map[uint64]bool{}
	for _, matchers := range selectors {
		list, err := e.find(ctx, e.limits.Series, matchers)
		if err != nil {
			return nil, err
		}
		for i := range list {
			if h := list[i].labels.Hash(); !seen[h] {
				seen[h] = true
				out = append(out, list[i].labels)
			}
		}
	}
	return out, nil
}

func labelNames() []string {
	names := []string{labelName, labelDevice, labelInstance, labelPort, labelAlias, labelDescr, labelIndex}
	slices.Sort(names)
	return names
}

// LabelValues lists the values of a label in the series that any of the selectors
// means; of all without one. Of the names alone no port is looked at.
func (e *Engine) LabelValues(ctx context.Context, name string, selectors [][]*labels.Matcher) ([]string, error) {
	if len(selectors) == 0 {
		selectors = [][]*labels.Matcher{nil}
	}
	seen := map[string]bool{}
	for p := range e.source.Ports() {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		for i := range e.metrics {
			m := &e.metrics[i]
			if slices.ContainsFunc(selectors, func(x []*labels.Matcher) bool { return p.matches(m, x) }) {
				seen[p.label(name, m)] = true
				if name != labelName {
					break
				}
			}
		}
		if name == labelName && len(seen) == len(e.metrics) {
			break
		}
	}
	delete(seen, "")
	return slices.Sorted(maps.Keys(seen)), nil
}
