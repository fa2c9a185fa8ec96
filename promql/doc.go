// Package promql is the Prometheus face of the store: PromQL over stored rates,
// and the part of Prometheus' HTTP API that Grafana asks.
//
// Spate stores rates. Counters are integrals of them, counted from the start of
// the asked range, so that rate() gives back what was stored. What is unknown is
// a gap: the series is stale there, the counter stands still, nothing is made up.
// Labels other than device and ifName are those of today.
package promql
