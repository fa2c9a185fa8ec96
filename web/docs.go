package web

import (
	"io/fs"
	"net/http"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"spate/docs"
)

// docsOrder is how the pages are listed: what one reads first comes first.
var docsOrder = []string{"install", "first-switch", "configuration", "servers", "alerts", "security", "detection", "topology", "numbers", "storage", "victoriametrics", "grafana", "backup", "import", "walk"}

// A docNode is a part of a page of the documentation. Pages are made of them by the
// templates, so that no text of it is ever taken for HTML.
type docNode struct {
	Kind    string // heading, p, list, item, code, table, row, head, cell, quote, rule, text, mono, em, strong, link, break
	Level   int    // of a heading, 1 to 6
	ID      string // of a heading
	Text    string
	Href    string
	Ordered bool // of a list
	Right   bool // of a cell: figures
	Kids    []docNode
}

type docPage struct {
	Name, Title string
	Nodes       []docNode
}

// docSet are the pages, read once.
type docSet struct {
	once  sync.Once
	pages []docPage
}

func (d *docSet) all() []docPage {
	d.once.Do(func() {
		for _, name := range docsOrder {
			source, err := fs.ReadFile(docs.Files, name+".md")
			if err != nil {
				continue // a test says so
			}
			p := docPage{Name: name, Title: name, Nodes: parseDoc(source)}
			for _, n := range p.Nodes {
				if n.Kind == "heading" && n.Level == 1 {
					p.Title = n.flat()
					break
				}
			}
			d.pages = append(d.pages, p)
		}
		if p, err := apiPage(openapi); err == nil { // a test says so
			d.pages = append(d.pages, p)
		}
		d.pages = append(d.pages, partsPage())
	})
	return d.pages
}

// flat is the text of a node without its form.
func (n docNode) flat() string {
	out := n.Text
	for _, k := range n.Kids {
		out += k.flat()
	}
	return out
}

// parseDoc reads Markdown. HTML in it is left out.
func parseDoc(source []byte) []docNode {
	md := goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	root := md.Parser().Parse(text.NewReader(source))
	return docKids(root, source)
}

func docKids(n ast.Node, source []byte) (out []docNode) {
	for k := n.FirstChild(); k != nil; k = k.NextSibling() {
		out = append(out, docOf(k, source)...)
	}
	return out
}

func docOf(n ast.Node, source []byte) []docNode {
	with := func(d docNode) []docNode {
		d.Kids = docKids(n, source)
		return []docNode{d}
	}
	switch x := n.(type) {
	case *ast.Heading:
		id, _ := x.AttributeString("id")
		name, _ := id.([]byte)
		return with(docNode{Kind: "heading", Level: x.Level, ID: string(name)})
	case *ast.Paragraph:
		return with(docNode{Kind: "p"})
	case *ast.TextBlock:
		return docKids(n, source)
	case *ast.List:
		return with(docNode{Kind: "list", Ordered: x.IsOrdered()})
	case *ast.ListItem:
		return with(docNode{Kind: "item"})
	case *ast.Blockquote:
		return with(docNode{Kind: "quote"})
	case *ast.ThematicBreak:
		return []docNode{{Kind: "rule"}}
	case *ast.FencedCodeBlock, *ast.CodeBlock:
		return []docNode{{Kind: "code", Text: string(n.Lines().Value(source))}}
	case *extast.Table:
		return with(docNode{Kind: "table"})
	case *extast.TableHeader:
		kids := docKids(n, source)
		for i := range kids {
			kids[i].Kind = "head"
		}
		return []docNode{{Kind: "row", Kids: kids}}
	case *extast.TableRow:
		return with(docNode{Kind: "row"})
	case *extast.TableCell:
		return with(docNode{Kind: "cell", Right: x.Alignment == extast.AlignRight})
	case *ast.Text:
		out := []docNode{{Kind: "text", Text: string(x.Value(source))}}
		if x.SoftLineBreak() {
			out = append(out, docNode{Kind: "text", Text: " "})
		}
		if x.HardLineBreak() {
			out = append(out, docNode{Kind: "break"})
		}
		return out
	case *ast.String:
		return []docNode{{Kind: "text", Text: string(x.Value)}}
	case *ast.CodeSpan:
		return with(docNode{Kind: "mono"})
	case *ast.Emphasis:
		kind := "em"
		if x.Level > 1 {
			kind = "strong"
		}
		return with(docNode{Kind: kind})
	case *ast.Link:
		return with(docNode{Kind: "link", Href: docHref(string(x.Destination))})
	case *ast.AutoLink:
		return []docNode{{Kind: "link", Href: string(x.URL(source)), Kids: []docNode{{Kind: "text", Text: string(x.Label(source))}}}}
	case *ast.Image, *ast.HTMLBlock, *ast.RawHTML:
		return nil
	}
	return docKids(n, source)
}

// docHref leads from page to page here as the files do in the repository.
func docHref(to string) string {
	page, part, _ := strings.Cut(to, "#")
	page = strings.TrimPrefix(page, "docs/")
	if name, ok := strings.CutSuffix(page, ".md"); ok && !strings.Contains(name, "/") {
		page = "/docs/" + name
	}
	if part != "" {
		page += "#" + part
	}
	return page
}

func (s *Server) docsIndex(c *gin.Context) error {
	return s.show(c, http.StatusOK, "docs", page{Title: "Documentation", Here: "docs", Body: map[string]any{"Pages": s.docs.all()}})
}

func (s *Server) docsPage(c *gin.Context) error {
	name := strings.TrimSuffix(c.Param("page"), ".md")
	for _, p := range s.docs.all() {
		if p.Name == name {
			return s.show(c, http.StatusOK, "docs", page{Title: p.Title, Here: "docs", Body: map[string]any{"Pages": s.docs.all(), "Page": p}})
		}
	}
	return newProblem(http.StatusNotFound, "", "there is no page %s in the documentation: /docs/ lists them", quoted(name))
}
