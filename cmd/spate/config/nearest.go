package config

import (
	"maps"
	"slices"
	"sort"
	"strings"
)

// reportUnknown turns the keys nobody asked for into errors that name the key
// most likely meant. The same mistake made a thousand times is thought about
// once.
func (r *reader) reportUnknown() {
	if len(r.unknown) == 0 {
		return
	}
	words := newVocabulary(knownKeys())
	thought := map[string]string{}
	for _, u := range r.unknown {
		name := u.path + bareKey(u.key)
		meant, done := thought[name]
		if !done {
			meant = words.suggest(u)
			thought[name] = meant
		}
		r.fail(u.at, name, complaint{"unknown key", meant})
	}
}

// A vocabulary is every key there is, by the table it stands in and by its
// last word.
type vocabulary struct {
	all, lasts []string
	in         map[string][]string // "poller." to "interval", "timeout", …
	ending     map[string][]string // "interval" to "device.interval", "poller.interval"
}

func newVocabulary(keys []string) vocabulary {
	v := vocabulary{all: keys, in: map[string][]string{}, ending: map[string][]string{}}
	for _, k := range keys {
		i := strings.LastIndexByte(k, '.') + 1
		table, last := k[:i], k[i:]
		v.in[table] = append(v.in[table], last)
		v.ending[last] = append(v.ending[last], k)
	}
	v.lasts = slices.Sorted(maps.Keys(v.ending))
	return v
}

// knownKeys lists every key there is, "snmp.*.version" for those of free names.
func knownKeys() []string {
	loader := Loader{
		Env:      func(string) (string, bool) { return "", false },
		Hostname: func() (string, error) { return "", nil },
	}
	r := &reader{Loader: loader.filled(), known: map[string]bool{}, outline: true}
	r.config(newTable(Pos{}))
	keys := make([]string, 0, len(r.known))
	for key := range r.known {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// Keys lists every key of config.toml, sorted; * stands for a free name.
func Keys() []string { return knownKeys() }

// suggest finds what was meant: a key of the same table, else the same key in
// another table, else the nearest of all, else what the table has.
func (v vocabulary) suggest(u unknownKey) string {
	here := v.in[u.plan]
	if best, ok := closest(u.key, here); ok {
		return u.path + best
	}
	if same := v.ending[u.key]; len(same) > 0 {
		return alternatives(same[:min(3, len(same))])
	}
	if best, ok := closest(u.plan+u.key, v.all); ok {
		return best
	}
	if best, ok := closest(u.key, v.lasts); ok {
		same := v.ending[best]
		return alternatives(same[:min(3, len(same))])
	}
	if len(here) == 0 || len(here) > 12 {
		return "a key of the reference"
	}
	return "one of " + alternatives(here)
}

// nearest is the most similar of names, or all of them where none is similar
// and they are few.
func nearest(name string, names []string) string {
	if best, ok := closest(name, names); ok {
		return best
	}
	if len(names) == 0 {
		return "one that is configured"
	}
	shown := slices.Clone(names[:min(len(names), 16)])
	if len(names) > len(shown) {
		shown = append(shown, "…")
	}
	return "one of " + alternatives(shown)
}

// closest is the name with the fewest edits, as long as two thirds of it agree.
func closest(name string, names []string) (string, bool) {
	const longest = 128
	best, edits := "", len(name)/3+1
	if len(name) > longest {
		return "", false
	}
	for _, candidate := range names {
		if abs(len(candidate)-len(name)) > edits {
			continue
		}
		if d := distance(strings.ToLower(name), strings.ToLower(candidate)); d < edits || d == edits && best == "" {
			best, edits = candidate, d
		}
	}
	return best, best != ""
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// distance counts the edits between two short words (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
