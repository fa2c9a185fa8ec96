package web

import (
	"context"
	"encoding/json"
	"time"

	"spate/topology"
)

// RouteLine is one line of the table, for the tests that walk it.
type RouteLine struct {
	Method, Path string
	Open, Closed bool
}

// Routes is the table of contents.
func (s *Server) Routes() []RouteLine {
	var lines []RouteLine
	for _, r := range s.routes() {
		lines = append(lines, RouteLine{r.method, r.path, r.need == everyone, r.need == nobody})
	}
	return lines
}

// The decoders, for fuzzing.
var (
	ParseDuration = parseDuration

	NewCappedListener = newCappedListener
)

// Tick renews the feeds as Run does on its beat.
func (s *Server) Tick(now time.Time) { s.rounds.tell() }

// SetNetwork gives a server a network.
func SetNetwork(s *Server, view func() *topology.View) { s.view = view }

// DocWords are the texts of a page in Markdown.
func DocWords(source []byte) (out []string) {
	for _, n := range parseDoc(source) {
		out = append(out, n.flat())
	}
	return out
}

// WallJSON is the wall as its events carry it.
func (s *Server) WallJSON(ctx context.Context) []byte {
	b, err := json.Marshal(s.wallNow(ctx))
	if err != nil {
		panic(err)
	}
	return b
}
