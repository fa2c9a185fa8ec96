package web_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"sync"
	"testing"

	"golang.org/x/crypto/argon2"

	"spate"
	"spate/web"
)

const (
	guesser     = "203.0.113.5"
	tenThousand = 10_000
)

// cheap is a hash that costs nothing, so that ten thousand comparisons would show.
func cheap(password string) spate.Secret {
	enc, salt := base64.RawStdEncoding, []byte("saltsaltsaltsalt")
	return spate.Secret(fmt.Sprintf("$argon2id$v=%d$m=8,t=1,p=1$%s$%s", argon2.Version, enc.EncodeToString(salt), enc.EncodeToString(argon2.IDKey([]byte(password), salt, 1, 8, 1, 32))))
}

// guessableRig has a user whose password is compared at once.
func guessableRig(t testing.TB) *rig {
	r, _, _ := closedRig(t)
	c := credentials()
	c.Users[0].Hash = cheap(password)
	r.SetCredentials(c)
	return r
}

func (r *rig) tryToken(t testing.TB, from, token string) int {
	t.Helper()
	return r.call(t, "GET", "/api/v1/devices", from, "", "Authorization", "Bearer "+token).StatusCode
}

func (r *rig) tryLogin(t testing.TB, from, password string) int {
	t.Helper()
	return r.call(t, "POST", "/login", from, url.Values{"name": {"ann"}, "password": {password}}.Encode()).StatusCode
}

func TestTenThousandGuessesLockNobodyOut(t *testing.T) {
	for name, try := range map[string]func(r *rig, from string, n int) int{
		"tokens": func(r *rig, from string, n int) int { return r.tryToken(t, from, fmt.Sprint("guess", n)) },
		"logins": func(r *rig, from string, n int) int { return r.tryLogin(t, from, fmt.Sprint("guess", n)) },
		"tokens and logins": func(r *rig, from string, n int) int {
			if n%2 == 0 {
				return r.tryToken(t, from, fmt.Sprint("guess", n))
			}
			return r.tryLogin(t, from, fmt.Sprint("guess", n))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := guessableRig(t)
			cookie := r.logIn(t, guesser)
			codes := map[int]int{}
			for n := range tenThousand {
				codes[try(r, guesser, n)]++
			}
			if codes[401] != 10 || codes[429] != tenThousand-10 {
				t.Errorf("from one address: %v, want 10 looked at and the others refused", codes)
			}
			if got := r.call(t, "GET", "/devices", guesser, "", "Cookie", cookie).StatusCode; got != 200 {
				t.Errorf("a login that lasts, from there: %d", got)
			}
			if got := r.tryToken(t, guesser, viewerToken); got != 200 {
				t.Errorf("the right token, from there: %d", got)
			}
			resp := r.call(t, "POST", "/login", guesser, url.Values{"name": {"ann"}, "password": {password}}.Encode())
			if wait, _ := strconv.Atoi(resp.Header.Get("Retry-After")); resp.StatusCode != 429 || wait < 30 || wait > 60 {
				t.Errorf("the right password, which may be guessed, from there: %d, to wait %d s", resp.StatusCode, wait)
			}
			for n := range 1000 { // a botnet; TestTenThousandGuessesAMinute has all of it, each a network of its own
				if got := try(r, fmt.Sprintf("10.%d.%d.9", n/200, n%200), n); got != 401 && got != 429 {
					t.Fatalf("a guess: %d", got)
				}
			}
			for n := range 20 {
				if got := try(r, "10.0.7.9", n); got != 429 {
					t.Errorf("one that has guessed wrong, while all guess: %d", got)
				}
			}
			if got := r.tryToken(t, stranger, viewerToken); got != 200 {
				t.Errorf("the right token elsewhere: %d", got)
			}
			r.logIn(t, stranger)
		})
	}
}

// Sent all at once, they come no further than one after the other.
func TestGuessesAtOnceAreNoMoreGuesses(t *testing.T) {
	r := guessableRig(t)
	var mu sync.Mutex
	codes := map[int]int{}
	var all sync.WaitGroup
	for n := range 1000 {
		all.Go(func() {
			got := r.tryLogin(t, guesser, fmt.Sprint("guess", n))
			mu.Lock()
			defer mu.Unlock()
			codes[got]++
		})
	}
	all.Wait()
	if codes[401] > 10 || codes[401]+codes[429] != 1000 {
		t.Errorf("answers %v, want at most 10 looked at", codes)
	}
}

// A password takes long to compare: strangers who try many do not make those wait who
// have logged in from where they are, and none of them waits long to be refused.
func TestABotnetOfLoginsStandsInNobodysWay(t *testing.T) {
	r, _, _ := closedRig(t)
	r.logIn(t, stranger)
	var mu sync.Mutex
	codes := map[int]int{}
	var all sync.WaitGroup
	for n := range 300 {
		all.Go(func() {
			got := r.tryLogin(t, fmt.Sprintf("10.9.%d.%d", n/200, n%200), "a wrong guess")
			mu.Lock()
			defer mu.Unlock()
			codes[got]++
		})
	}
	r.logIn(t, stranger)
	mu.Lock()
	before := codes[401]
	mu.Unlock()
	all.Wait()
	if before > 15 {
		t.Errorf("%d strangers had their turn before who has been here", before)
	}
	if codes[401] > 300/2 || codes[401]+codes[429] != 300 {
		t.Errorf("answers %v, want most refused unseen", codes)
	}
}

func TestTheTableOfGuessersIsBounded(t *testing.T) {
	if os.Getenv("SPATE_LONG") == "" {
		t.Skip("130,000 guesses: SPATE_LONG is not set")
	}
	r, _, _ := closedRig(t)
	r.SetCredentials(web.Credentials{Tokens: []web.Token{{Name: "x", Role: "viewer", SHA256: sha256.Sum256([]byte(viewerToken))}}})
	grown := peakOf(func() {
		for n := range 130_000 {
			if got := r.tryToken(t, fmt.Sprintf("10.%d.%d.%d", n>>16, n>>8&255, n&255), "guess"); got != 401 {
				t.Fatalf("guess %d: %d", n, got)
			}
		}
	})
	t.Logf("130,000 guessers take %d MB", grown>>20)
	if grown > 32<<20 {
		t.Errorf("it grew by %d MB", grown>>20)
	}
	for range 20 {
		r.tryToken(t, guesser, "guess")
	}
	if got := r.tryToken(t, guesser, "guess"); got != 429 {
		t.Errorf("one who guesses on, while the table is full: %d", got)
	}
}
