package graph_test

import (
	"encoding/xml"
	"errors"
	"image"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"spate/graph"
)

// A placed is a text of an SVG and where it is.
type placed struct {
	x, y    int
	size    float64
	bold    bool
	anchor  string
	content string
}

func (t placed) box(r *graph.Renderer) image.Rectangle {
	w := r.TextWidth(t.content, t.size, t.bold)
	x := t.x
	switch t.anchor {
	case "end":
		x -= w
	case "middle":
		x -= w / 2
	}
	return image.Rect(x, t.y-int(t.size*0.716), x+w, t.y)
}

// elementsOf decodes an SVG and gives each element to f with the text in it.
// It fails for what is not XML, what has more than one root, and elements and
// attributes that could load or run anything.
func elementsOf(t testing.TB, svg string, f func(e xml.StartElement, text string)) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	var open []xml.StartElement
	text, roots := "", 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not XML: %v", err)
		}
		switch v := token.(type) {
		case xml.StartElement:
			if len(open) == 0 {
				roots++
			}
			checkElement(t, v)
			open, text = append(open, v.Copy()), ""
		case xml.CharData:
			text += string(v)
		case xml.EndElement:
			f(open[len(open)-1], text)
			open = open[:len(open)-1]
		default:
			t.Fatalf("an SVG of ours has a %T", token)
		}
	}
	if roots != 1 {
		t.Fatalf("%d root elements", roots)
	}
}

func checkElement(t testing.TB, e xml.StartElement) {
	t.Helper()
	if !slices.Contains([]string{"svg", "title", "desc", "rect", "path", "text"}, e.Name.Local) {
		t.Fatalf("element <%s>", e.Name.Local)
	}
	for _, a := range e.Attr {
		if name := a.Name.Local; strings.HasPrefix(name, "on") || strings.HasSuffix(name, "href") || name == "style" || name == "id" {
			t.Fatalf("attribute %s of <%s>", name, e.Name.Local)
		}
		if a.Name.Local != "xmlns" && a.Name.Local != "transform" && strings.ContainsAny(a.Value, "<>:()&") {
			t.Fatalf("attribute %s=%q of <%s>", a.Name.Local, a.Value, e.Name.Local)
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func textsOf(t testing.TB, svg string) []placed {
	t.Helper()
	var texts []placed
	elementsOf(t, svg, func(e xml.StartElement, text string) {
		if e.Name.Local != "text" {
			return
		}
		p := placed{anchor: attribute(e, "text-anchor"), content: text, bold: attribute(e, "font-weight") == "bold"}
		var errs [3]error
		p.x, errs[0] = strconv.Atoi(attribute(e, "x"))
		p.y, errs[1] = strconv.Atoi(attribute(e, "y"))
		p.size, errs[2] = strconv.ParseFloat(attribute(e, "font-size"), 64)
		if err := errors.Join(errs[:]...); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, p)
	})
	return texts
}

func contents(texts []placed) []string {
	var all []string
	for _, t := range texts {
		all = append(all, t.content)
	}
	return all
}

func TestAnSVGTellsItsFiguresToThoseWhoDoNotSeeIt(t *testing.T) {
	p := floodPicture(berlin(t), 288)
	found := map[string]string{}
	elementsOf(t, svgOf(t, graph.NewRenderer(), p), func(e xml.StartElement, text string) {
		found[e.Name.Local] = text
		if e.Name.Local == "svg" && attribute(e, "role") != "img" {
			t.Errorf("role %q, want img", attribute(e, "role"))
		}
	})
	if want := "sw-acc-1 Gi1/0/2 → web-host-17: in now "; !strings.HasPrefix(found["title"], want) || !strings.Contains(found["title"], "max 912 Mb/s") {
		t.Errorf("title %q, want it to begin with %q and to have the max", found["title"], want)
	}
	for _, want := range []string{"Traffic in bits per second from 2026-11-24T04:00:00+01:00", "in (received): now", "max 912 Mb/s", "total"} {
		if !strings.Contains(found["desc"], want) {
			t.Errorf("desc %q has no %q", found["desc"], want)
		}
	}
}

func TestAnEmptyFrameDrawsAxesAndSaysSo(t *testing.T) {
	r := graph.NewRenderer()
	full := floodPicture(berlin(t), 288)
	for name, p := range map[string]graph.Picture{
		"no frame":       {Width: 800, Height: 300},
		"no series":      {Width: 800, Height: 300, Frame: level(0, 0, 0), Zone: full.Zone},
		"only unknown":   {Width: 800, Height: 300, Frame: level(60, -1, -1)},
		"absurd figures": {Width: 800, Height: 300, Frame: level(60, 1e300, 1e22)},
	} {
		all := strings.Join(contents(textsOf(t, svgOf(t, r, p))), "\n")
		for _, want := range []string{"no data in this range", "0 b/s", "now"} {
			if !strings.Contains(all, want) {
				t.Errorf("%s: no %q among the texts", name, want)
			}
		}
		pngOf(t, r, p)
	}
}

func TestLongTitlesAreClippedToThePicture(t *testing.T) {
	r := graph.NewRenderer()
	p := floodPicture(time.UTC, 24)
	p.Title = strings.Repeat("W", 64<<10)
	p.Subtitle = strings.Repeat("\u0301", 64<<10)
	svg := svgOf(t, r, p)
	if len(svg) > 20_000 {
		t.Errorf("a title of 64 KB makes an SVG of %d bytes", len(svg))
	}
	for _, text := range textsOf(t, svg) {
		if box := text.box(r); box.Max.X > p.Width {
			t.Errorf("%.20q ends at %d", text.content, box.Max.X)
		}
	}
}

func FuzzTexts(f *testing.F) {
	f.Add(hostileText, "rack 12", "flood")
	f.Add("]]>", "<!--", "&amp;&#0;")
	f.Add("\xff\xfe", "\ufffe\uffff\u0000", strings.Repeat("\u0301", 300))
	f.Add("ﷺ", "‮abc", "👩‍👩‍👧‍👦")
	r := graph.NewRenderer()
	frame := level(10, 5e6, 2e6)
	f.Fuzz(func(t *testing.T, title, subtitle, label string) {
		p := graph.Picture{
			Title: title, Subtitle: subtitle, Frame: frame, Width: 400, Height: 200,
			Shades: []graph.Shade{{From: frame.From, To: frame.To, Label: label}},
		}
		for _, text := range textsOf(t, svgOf(t, r, p)) {
			if box := text.box(r); box.Max.X > p.Width || box.Min.X < 0 {
				t.Errorf("%q leaves the picture: %v", text.content, box)
			}
		}
		pngOf(t, r, p)
	})
}
