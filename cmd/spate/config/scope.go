package config

import (
	"slices"
	"strings"
)

// A reader turns the tree into a Config and collects what is wrong.
type reader struct {
	*Loader
	errs    Errors
	unknown []unknownKey
	known   map[string]bool // every key asked for, with * for free names
	outline bool            // ask for every key once, to learn which there are
}

type unknownKey struct {
	at              Pos
	path, plan, key string
}

func (r *reader) fail(at Pos, key string, c complaint) {
	r.errs = append(r.errs, Error{at, key, c.what, c.wanted})
}

// A complaint says what is wrong with a value; the zero complaint is none.
type complaint struct{ what, wanted string }

func (c complaint) ok() bool { return c.what == "" }

// A scope is one table being read. It remembers what was asked for; what else
// stands in the table is unknown.
type scope struct {
	*reader
	at   Pos
	path string // "snmp.core." before a key
	plan string // "snmp.*." likewise
	node *node  // nil where the file has no such table
	seen map[string]bool
}

func (s *scope) get(key string) *node {
	s.known[s.plan+key] = true
	s.seen[key] = true
	if s.node == nil {
		return nil
	}
	return s.node.keys[key]
}

// has tells whether the key is written and not just "".
func (s *scope) has(key string) bool {
	n := s.get(key)
	return n != nil && !(n.kind == kindText && n.text == "")
}

// place is where to point for a key: its value, or the table that lacks it.
func (s *scope) place(key string) Pos {
	if n := s.get(key); n != nil {
		return n.at
	}
	return s.at
}

func (s *scope) wrong(key, what, wanted string) {
	s.fail(s.place(key), s.path+key, complaint{what, wanted})
}

// need complains unless the key is there and not empty.
func (s *scope) need(key, wanted string) bool {
	if s.has(key) {
		return true
	}
	s.wrong(key, "missing", wanted)
	return false
}

func (s *scope) sub(n *node, path, plan string) *scope {
	at := s.at
	if n != nil {
		at = n.at
	}
	return &scope{reader: s.reader, at: at, path: path, plan: plan, node: n, seen: map[string]bool{}}
}

// table reads [key]; the file may lack it.
func (s *scope) table(key string, read func(*scope)) {
	n := s.get(key)
	if n != nil && n.kind != kindTable {
		s.wrong(key, "is "+string(n.kind), "a table: ["+s.path+key+"]")
		n = nil
	}
	t := s.sub(n, s.path+key+".", s.plan+key+".")
	read(t)
	t.end()
}

// tables reads every [[key]].
func (s *scope) tables(key string, read func(*scope)) {
	n := s.get(key)
	var items []*node
	switch {
	case s.outline:
		items = []*node{nil}
	case n == nil:
		return
	case n.kind == kindTables || n.kind == kindList:
		items = n.items
	default:
		s.wrong(key, "is "+string(n.kind), "a list of tables: [["+s.path+key+"]]")
	}
	for _, item := range items {
		if item != nil && item.kind != kindTable {
			s.fail(item.at, s.path+key, complaint{"has " + string(item.kind) + " in it", "a list of tables: [[" + s.path + key + "]]"})
			continue
		}
		t := s.sub(item, s.path+key+".", s.plan+key+".")
		read(t)
		t.end()
	}
}

// named reads every [key.NAME].
func (s *scope) named(key string, read func(name string, t *scope)) {
	s.table(key, func(all *scope) {
		if s.outline {
			read("*", all.sub(nil, all.path+"*.", all.plan+"*."))
			return
		}
		if all.node == nil {
			return
		}
		for _, name := range all.node.order {
			n := all.get(name)
			delete(s.known, all.plan+name) // a free name, not a key of the reference
			if n.kind != kindTable {
				all.wrong(name, "is "+string(n.kind), "a table: ["+all.path+bareKey(name)+"]")
				continue
			}
			t := all.sub(n, all.path+bareKey(name)+".", all.plan+"*.")
			read(name, t)
			t.end()
		}
	})
}

// end notes the keys nobody asked for.
func (s *scope) end() {
	if s.node == nil {
		return
	}
	for _, key := range s.node.order {
		if s.seen[key] {
			continue
		}
		n := s.node.keys[key]
		if n.kind != kindTables {
			s.unknown = append(s.unknown, unknownKey{n.keyAt, s.path, s.plan, key})
			continue
		}
		for _, item := range n.items {
			s.unknown = append(s.unknown, unknownKey{item.keyAt, s.path, s.plan, key})
		}
	}
}

// read sets dst from key where it is written and good.
func read[T any](s *scope, key string, dst *T, parse func(*node) (T, complaint), rules ...func(T) complaint) {
	n := s.get(key)
	if n == nil {
		return
	}
	v, c := parse(n)
	for _, rule := range rules {
		if c.ok() {
			c = rule(v)
		}
	}
	if !c.ok() {
		s.fail(n.at, s.path+key, c)
		return
	}
	*dst = v
}

// readList sets dst from an array where every element is good, and complains of
// each that is not.
func readList[T any](s *scope, key string, dst *[]T, parse func(*node) (T, complaint), rules ...func(T) complaint) {
	n := s.get(key)
	if n == nil {
		return
	}
	if n.kind != kindList {
		s.fail(n.at, s.path+key, complaint{"is " + string(n.kind), "an array: [\"…\"]"})
		return
	}
	out := make([]T, 0, len(n.items))
	for _, item := range n.items {
		v, c := parse(item)
		for _, rule := range rules {
			if c.ok() {
				c = rule(v)
			}
		}
		if !c.ok() {
			s.fail(item.at, s.path+key, c)
			continue
		}
		out = append(out, v)
	}
	*dst = slices.Clip(out)
}

// A register knows the names given so far, to refuse a second one.
type register map[string]named

type named struct {
	name string
	at   Pos
}

// enter complains of a name given before, with the place of the first. Names
// that differ only in case are the same: people say them on the phone.
func (g register) enter(s *scope, key, name string) bool {
	at := s.place(key)
	first, taken := g[strings.ToLower(name)]
	if !taken {
		g[strings.ToLower(name)] = named{name, at}
		return true
	}
	what := quoted(name) + " is taken, first at " + first.at.short(at)
	if first.name != name {
		what = quoted(name) + " differs only in case from " + quoted(first.name) + " at " + first.at.short(at)
	}
	s.wrong(key, what, "a name of its own")
	return false
}
