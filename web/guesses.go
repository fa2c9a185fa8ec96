package web

import (
	"net/netip"
	"sync"
	"time"
)

const (
	guessesEach   = 10  // wrong ones a minute from one address
	guessesAll    = 100 // from all; then those wait who have guessed wrong before
	guessesWindow = time.Minute
	mostGuessers  = 100_000
	mostFriends   = 10_000 // addresses a right password has come from
)

// guesses slow down who tries passwords and tokens. Who has not guessed wrong is never
// made to wait, and a right token or a login that lasts are not held against the
// guesses of a neighbour: nobody can lock the right user out.
type guesses struct {
	mu      sync.Mutex
	from    map[netip.Addr]*tries
	friends map[netip.Addr]bool
	all     tries
	swept   time.Time
}

type tries struct {
	since time.Time
	n     int
}

func (t *tries) count(now time.Time) int {
	if now.Sub(t.since) >= guessesWindow {
		return 0
	}
	return t.n
}

func (t *tries) add(now time.Time) {
	if now.Sub(t.since) >= guessesWindow {
		t.since, t.n = now, 0
	}
	t.n++
}

func newGuesses() *guesses {
	return &guesses{from: map[netip.Addr]*tries{}, friends: map[netip.Addr]bool{}}
}

// key counts a whole IPv6 network of one site as one caller.
func guesser(a netip.Addr) netip.Addr {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// wait is how long an address must not try; 0: it may.
func (g *guesses) wait(a netip.Addr, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.from[guesser(a)]
	if t == nil {
		return 0
	}
	n := t.count(now)
	if n >= guessesEach || n > 0 && g.all.count(now) >= guessesAll {
		return t.since.Add(guessesWindow).Sub(now)
	}
	return 0
}

// failed counts a wrong guess.
func (g *guesses) failed(a netip.Addr, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all.add(now)
	if now.Sub(g.swept) > guessesWindow {
		g.swept = now
		for k, t := range g.from {
			if t.count(now) == 0 {
				delete(g.from, k)
			}
		}
	}
	key := guesser(a)
	if g.from[key] == nil {
		makeRoom(g.from, mostGuessers)
		g.from[key] = &tries{}
	}
	g.from[key].add(now)
}

// right notes that a password was right.
func (g *guesses) right(a netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if key := guesser(a); !g.friends[key] {
		makeRoom(g.friends, mostFriends)
		g.friends[key] = true
	}
}

// friend tells whether a right password has come from there since the start.
func (g *guesses) friend(a netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.friends[guesser(a)]
}

// makeRoom forgets any one of a full table, without looking through it: who fills it
// shall not make it slow.
func makeRoom[V any](m map[netip.Addr]V, most int) {
	for k := range m {
		if len(m) < most {
			return
		}
		delete(m, k)
	}
}
