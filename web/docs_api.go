package web

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// apiPage is the reference of the API, made of openapi.yaml.
func apiPage(source []byte) (docPage, error) {
	var doc apiDoc
	if err := yaml.Unmarshal(source, &doc); err != nil {
		return docPage{}, fmt.Errorf("openapi.yaml: %w", err)
	}
	p := docPage{Name: "api", Title: "The API", Nodes: []docNode{
		{Kind: "heading", Level: 1, ID: "api", Kids: words("The API")},
		{Kind: "p", Kids: append(words("Made of "), docNode{Kind: "link", Href: "/api/openapi.yaml", Kids: words("openapi.yaml")}, docNode{Kind: "text", Text: ", from which clients can be generated. Programs send "}, docNode{Kind: "mono", Kids: words("Authorization: Bearer TOKEN")}, docNode{Kind: "text", Text: " where a login is wanted. Errors are application/problem+json (RFC 9457)."})},
	}}
	var contents []docNode
	var bodies []docNode
	for _, o := range doc.operations() {
		id := o.OperationID
		title := strings.ToUpper(o.method) + " " + o.path
		contents = append(contents, docNode{Kind: "item", Kids: []docNode{{Kind: "link", Href: "#" + id, Kids: []docNode{{Kind: "mono", Kids: words(title)}}}, {Kind: "text", Text: " " + o.Summary}}})
		bodies = append(bodies, docNode{Kind: "heading", Level: 2, ID: id, Kids: []docNode{{Kind: "mono", Kids: words(title)}}}, docNode{Kind: "p", Kids: words(o.Summary + ".")})
		if o.Description != "" {
			bodies = append(bodies, docNode{Kind: "p", Kids: words(o.Description)})
		}
		bodies = append(bodies, doc.parameters(o)...)
		bodies = append(bodies, doc.body(o)...)
		bodies = append(bodies, doc.answers(o)...)
	}
	p.Nodes = append(p.Nodes, docNode{Kind: "list", Kids: contents})
	p.Nodes = append(p.Nodes, bodies...)
	return p, nil
}

func words(s string) []docNode { return []docNode{{Kind: "text", Text: s}} }

// apiDoc is as much of an OpenAPI document as the reference shows.
type apiDoc struct {
	Paths      map[string]map[string]apiOperation `yaml:"paths"`
	Components struct {
		Parameters map[string]apiParameter `yaml:"parameters"`
		Schemas    map[string]apiSchema    `yaml:"schemas"`
	} `yaml:"components"`
}

type apiOperation struct {
	OperationID string               `yaml:"operationId"`
	Summary     string               `yaml:"summary"`
	Description string               `yaml:"description"`
	Parameters  []apiParameter       `yaml:"parameters"`
	RequestBody *apiContent          `yaml:"requestBody"`
	Responses   map[string]apiAnswer `yaml:"responses"`

	method, path string
}

type apiContent struct {
	Content map[string]struct {
		Schema apiSchema `yaml:"schema"`
	} `yaml:"content"`
}

type apiAnswer struct {
	Description string `yaml:"description"`
	Content     map[string]struct {
		Schema apiSchema `yaml:"schema"`
	} `yaml:"content"`
}

type apiParameter struct {
	Ref         string    `yaml:"$ref"`
	Name        string    `yaml:"name"`
	In          string    `yaml:"in"`
	Required    bool      `yaml:"required"`
	Description string    `yaml:"description"`
	Schema      apiSchema `yaml:"schema"`
}

type apiSchema struct {
	Ref         string               `yaml:"$ref"`
	Type        any                  `yaml:"type"`
	Enum        []any                `yaml:"enum"`
	Default     any                  `yaml:"default"`
	Description string               `yaml:"description"`
	Format      string               `yaml:"format"`
	Properties  map[string]apiSchema `yaml:"properties"`
	Items       *apiSchema           `yaml:"items"`
	OneOf       []apiSchema          `yaml:"oneOf"`
}

// operations are all, in the order of their paths, reading before writing.
func (d *apiDoc) operations() (out []apiOperation) {
	for path, item := range d.Paths {
		for method, o := range item {
			o.method, o.path = method, path
			out = append(out, o)
		}
	}
	order := map[string]int{"get": 0, "post": 1, "put": 2, "delete": 3}
	slices.SortFunc(out, func(a, b apiOperation) int {
		return cmp.Or(strings.Compare(a.path, b.path), cmp.Compare(order[a.method], order[b.method]))
	})
	return out
}

func name(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

func row(kind string, cells ...[]docNode) docNode {
	r := docNode{Kind: "row"}
	for _, c := range cells {
		r.Kids = append(r.Kids, docNode{Kind: kind, Kids: c})
	}
	return r
}

func mono(s string) []docNode { return []docNode{{Kind: "mono", Kids: words(s)}} }

func (d *apiDoc) parameters(o apiOperation) []docNode {
	if len(o.Parameters) == 0 {
		return nil
	}
	t := docNode{Kind: "table", Kids: []docNode{row("head", words("Parameter"), words("Values"), words("Meaning"))}}
	for _, p := range o.Parameters {
		if p.Ref != "" {
			p = d.Components.Parameters[name(p.Ref)]
		}
		text := p.Description
		if p.Required {
			text = strings.TrimSpace("Needed. " + text)
		}
		t.Kids = append(t.Kids, row("cell", mono(p.Name), words(p.Schema.short()), words(text)))
	}
	return []docNode{t}
}

// short is a schema in a few words.
func (s apiSchema) short() string {
	switch {
	case s.Ref != "":
		return name(s.Ref)
	case len(s.OneOf) > 0:
		var parts []string
		for _, o := range s.OneOf {
			parts = append(parts, o.short())
		}
		return strings.Join(parts, " or ")
	case len(s.Enum) > 0:
		var parts []string
		for _, v := range s.Enum {
			parts = append(parts, fmt.Sprint(v))
		}
		return strings.Join(parts, ", ")
	case s.Items != nil:
		return "list of " + s.Items.short()
	}
	text := ""
	switch t := s.Type.(type) {
	case string:
		text = t
	case []any:
		var parts []string
		for _, v := range t {
			parts = append(parts, fmt.Sprint(v))
		}
		text = strings.Join(parts, " or ")
	}
	if s.Format != "" {
		text += " (" + s.Format + ")"
	}
	if s.Default != nil {
		text += fmt.Sprintf(", default %v", s.Default)
	}
	return text
}

func (d *apiDoc) body(o apiOperation) []docNode {
	if o.RequestBody == nil {
		return nil
	}
	var out []docNode
	for kind, c := range o.RequestBody.Content {
		out = append(out, docNode{Kind: "p", Kids: append(words("Takes "), mono(kind)...)})
		out = append(out, d.fields(c.Schema)...)
	}
	return out
}

func (d *apiDoc) answers(o apiOperation) (out []docNode) {
	for _, status := range []string{"200", "201", "204"} {
		a, there := o.Responses[status]
		if !there {
			continue
		}
		kinds := []string{}
		for kind := range a.Content {
			kinds = append(kinds, kind)
		}
		slices.Sort(kinds)
		line := words("Answers " + status + ": " + a.Description)
		if len(kinds) > 0 {
			line = append(append(line, docNode{Kind: "text", Text: ", as "}), mono(strings.Join(kinds, ", "))...)
		}
		out = append(out, docNode{Kind: "p", Kids: line})
		if c, ok := a.Content["application/json"]; ok {
			out = append(out, d.fields(c.Schema)...)
		}
	}
	return out
}

// fields are the properties of an object, one level deep, and of the objects it lists.
func (d *apiDoc) fields(s apiSchema) []docNode {
	s = d.resolve(s)
	if len(s.Properties) == 0 {
		return nil
	}
	t := docNode{Kind: "table", Kids: []docNode{row("head", words("Field"), words("Type"), words("Meaning"))}}
	d.addFields(&t, "", s, 0)
	return []docNode{t}
}

func (d *apiDoc) resolve(s apiSchema) apiSchema {
	if s.Ref != "" {
		return d.Components.Schemas[name(s.Ref)]
	}
	return s
}

func (d *apiDoc) addFields(t *docNode, prefix string, s apiSchema, depth int) {
	names := make([]string, 0, len(s.Properties))
	for n := range s.Properties {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		f := s.Properties[n]
		full := d.resolve(f)
		text := f.Description
		if text == "" {
			text = full.Description
		}
		t.Kids = append(t.Kids, row("cell", mono(prefix+n), words(f.short()), words(text)))
		if depth == 2 {
			continue
		}
		if full.Items != nil {
			d.addFields(t, prefix+n+"[].", d.resolve(*full.Items), depth+1)
		} else {
			d.addFields(t, prefix+n+".", full, depth+1)
		}
	}
}
