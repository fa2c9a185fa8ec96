package config

import (
	"errors"
	"fmt"
	"sort"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// A kind is what stands in the file at a key.
type kind string

const (
	kindText   kind = "a string"
	kindInt    kind = "an integer"
	kindFloat  kind = "a float"
	kindBool   kind = "a boolean"
	kindDate   kind = "a date"
	kindList   kind = "an array"
	kindTable  kind = "a table"
	kindTables kind = "a list of tables"
)

// A node is one value of the file with its place. go-toml's own decoder stops
// at the first wrong type and then hides unknown keys; from a tree with places
// everything can be told at once.
type node struct {
	kind  kind
	at    Pos    // of the value
	keyAt Pos    // of its key or header
	text  string // a string's value, or a scalar as written

	keys  map[string]*node // kindTable
	order []string
	items []*node // kindList and kindTables

	header bool // a table that has had its own [header]
	closed bool // an inline table: nothing can be added to it
	dotted bool // made by a dotted key
}

func newTable(at Pos) *node {
	return &node{kind: kindTable, at: at, keyAt: at, keys: map[string]*node{}}
}

func (n *node) add(key string, child *node) {
	n.keys[key] = child
	n.order = append(n.order, key)
}

// Limits that no honest file meets and that keep a hostile one cheap.
const (
	deepest     = 32 // arrays in arrays
	longestPath = 16 // parts of a dotted key
)

// parse builds the tree of one file. Where the file is no TOML the answer is
// that one error and no tree.
func parse(file string, data []byte) (*node, Errors) {
	b := &builder{file: file}
	for i, c := range data {
		if c == '\n' {
			b.lines = append(b.lines, i+1)
		}
	}
	b.root = newTable(Pos{File: file, Line: 1, Col: 1})
	var p unstable.Parser
	p.Reset(data)
	for table := b.root; p.NextExpression(); {
		switch e := p.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			b.table = ""
			table = b.header(e)
			b.table = pathOf(b.parts(e.Key())) + "."
		case unstable.KeyValue:
			b.pair(table, e, 0)
		}
	}
	if err := p.Error(); err != nil {
		return nil, Errors{b.syntax(&p, err)}
	}
	if len(b.errs) > 0 {
		return b.root, b.errs
	}
	// What the builder does not judge (dates, numbers, the finer rules on
	// dotted keys) is left to the library's own reader.
	var all map[string]any
	var bad *toml.DecodeError
	if err := toml.Unmarshal(data, &all); errors.As(err, &bad) {
		row, col := bad.Position()
		return nil, Errors{{At: Pos{file, row, col}, Key: "syntax", What: trimPrefix(bad.Error()), Wanted: "valid TOML"}}
	} else if err != nil {
		return nil, Errors{{At: Pos{File: file}, Key: "syntax", What: err.Error(), Wanted: "valid TOML"}}
	}
	return b.root, nil
}

func trimPrefix(message string) string {
	const prefix = "toml: "
	if len(message) > len(prefix) && message[:len(prefix)] == prefix {
		return message[len(prefix):]
	}
	return message
}

type builder struct {
	file  string
	table string // path of the newest header with a dot behind, for messages
	lines []int  // offsets at which lines 2, 3, … begin
	root  *node
	errs  Errors
}

func (b *builder) pos(offset int) Pos {
	line := sort.SearchInts(b.lines, offset+1)
	start := 0
	if line > 0 {
		start = b.lines[line-1]
	}
	return Pos{b.file, line + 1, offset - start + 1}
}

func (b *builder) syntax(p *unstable.Parser, err error) Error {
	out := Error{At: Pos{File: b.file}, Key: "syntax", What: err.Error(), Wanted: "valid TOML"}
	var perr *unstable.ParserError
	if errors.As(err, &perr) {
		out.At = b.pos(len(p.Data()))
		if offset := cap(p.Data()) - cap(perr.Highlight); perr.Highlight != nil && offset >= 0 && offset <= len(p.Data()) {
			out.At = b.pos(offset)
		}
	}
	return out
}

func (b *builder) fail(at Pos, key []part, what, wanted string) {
	b.errs = append(b.errs, Error{at, b.table + pathOf(key), what, wanted})
}

type part struct {
	name string
	at   Pos
}

func pathOf(parts []part) string {
	path := ""
	for i, p := range parts {
		if i == longestPath {
			return path + ".…"
		}
		if i > 0 {
			path += "."
		}
		path += bareKey(p.name)
	}
	return path
}

func (b *builder) parts(it unstable.Iterator) []part {
	var out []part
	for it.Next() {
		n := it.Node()
		out = append(out, part{string(n.Data), b.pos(int(n.Raw.Offset))})
	}
	return out
}

// header finds or makes the table of [a.b] or [[a.b]]. Keys below a wrong
// header are still checked where there is a table to put them.
func (b *builder) header(e *unstable.Node) *node {
	key := b.parts(e.Key())
	at := key[0].at
	at.Col = max(1, at.Col-1)
	if e.Kind == unstable.ArrayTable {
		at.Col = max(1, at.Col-1)
	}
	if len(key) > longestPath {
		b.fail(at, key, "nested too deep", "a section of the reference")
		return newTable(at)
	}
	table := b.root
	for i, p := range key[:len(key)-1] {
		if table = b.step(table, p, at, false); table == nil {
			b.fail(at, key, "cannot hold a table: "+pathOf(key[:i+1])+" is not one", "a table")
			return newTable(at)
		}
	}
	last := key[len(key)-1]
	if e.Kind == unstable.ArrayTable {
		return b.appendTable(table, key, last, at)
	}
	return b.openTable(table, key, last, at)
}

// step goes one key down, making a table where there is nothing yet. A list of
// tables stands for its newest member.
func (b *builder) step(table *node, p part, at Pos, dotted bool) *node {
	next, there := table.keys[p.name]
	if !there {
		next = newTable(at)
		next.dotted = dotted
		table.add(p.name, next)
		return next
	}
	if next.kind == kindTables && !dotted {
		return next.items[len(next.items)-1]
	}
	if next.kind != kindTable || next.closed {
		return nil
	}
	return next
}

func (b *builder) openTable(parent *node, key []part, last part, at Pos) *node {
	old, there := parent.keys[last.name]
	switch {
	case !there:
		old = newTable(at)
		parent.add(last.name, old)
	case old.kind == kindTables:
		b.fail(at, key, "is a list of tables since "+old.keyAt.short(at), "[["+pathOf(key)+"]]")
		return newTable(at)
	case old.kind != kindTable || old.header || old.closed || old.dotted:
		b.fail(at, key, "given twice, first at "+old.keyAt.short(at), "it once")
		if old.kind != kindTable {
			return newTable(at)
		}
	default:
		old.at, old.keyAt = at, at
	}
	old.header = true
	return old
}

func (b *builder) appendTable(parent *node, key []part, last part, at Pos) *node {
	list, there := parent.keys[last.name]
	if !there {
		list = &node{kind: kindTables, at: at, keyAt: at}
		parent.add(last.name, list)
	}
	if list.kind != kindTables {
		b.fail(at, key, "given before as "+string(list.kind)+" at "+list.keyAt.short(at), "the same form each time")
		return newTable(at)
	}
	table := newTable(at)
	table.header = true
	list.items = append(list.items, table)
	return table
}

func (b *builder) pair(table *node, e *unstable.Node, depth int) {
	key := b.parts(e.Key())
	at := key[0].at
	if len(key) > longestPath {
		b.fail(at, key, "nested too deep", "a key of the reference")
		return
	}
	for _, p := range key[:len(key)-1] {
		if table = b.step(table, p, at, true); table == nil {
			b.fail(at, key, "cannot be set: "+bareKey(p.name)+" is not an open table", "a table")
			return
		}
	}
	last := key[len(key)-1]
	if old, there := table.keys[last.name]; there {
		b.fail(at, key, "given twice, first at "+old.keyAt.short(at), "it once")
		return
	}
	table.add(last.name, b.value(e.Value(), key, depth))
}

func (b *builder) value(v *unstable.Node, key []part, depth int) *node {
	at := key[len(key)-1].at // arrays have no place of their own in go-toml's tree
	if v.Raw.Length > 0 {
		at = b.pos(int(v.Raw.Offset))
	}
	n := &node{kind: scalarKind(v.Kind), at: at, keyAt: key[0].at, text: string(v.Data)}
	if v.Kind != unstable.Array && v.Kind != unstable.InlineTable {
		return n
	}
	if depth >= deepest {
		b.fail(at, key, fmt.Sprintf("nested more than %d deep", deepest), "a value of the reference")
		return n
	}
	it := v.Children()
	if v.Kind == unstable.InlineTable {
		n = newTable(at)
		n.keyAt, n.closed = key[0].at, true
		for it.Next() {
			b.pair(n, it.Node(), depth+1)
		}
		return n
	}
	for it.Next() {
		n.items = append(n.items, b.value(it.Node(), key, depth+1))
	}
	return n
}

func scalarKind(k unstable.Kind) kind {
	switch k {
	case unstable.String:
		return kindText
	case unstable.Integer:
		return kindInt
	case unstable.Float:
		return kindFloat
	case unstable.Bool:
		return kindBool
	case unstable.Array:
		return kindList
	case unstable.InlineTable:
		return kindTable
	}
	return kindDate
}

// short leaves the file's name out where it is the same as other's.
func (p Pos) short(other Pos) string {
	if p.File == other.File {
		return fmt.Sprintf("%d:%d", p.Line, p.Col)
	}
	return p.String()
}
