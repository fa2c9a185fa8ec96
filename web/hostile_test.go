package web_test

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"spate"
	"spate/web"
)

// payloads is what devices, people and address bars have tried elsewhere.
var payloads = []string{
	`<script>alert(1)</script>`, `</script><script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `"><svg onload=alert(1)>`,
	`' onmouseover='alert(1)`, `" onfocus="alert(1)" autofocus="`, "` onclick=alert(1)", `javascript:alert(1)`, `data:text/html,<script>alert(1)</script>`,
	`</title><script>alert(1)</script>`, `</style><style>*{display:none}`, `--><script>alert(1)</script><!--`, `<!--`, `]]><script/>`,
	`{{.}}`, `{{template "frame.html"}}`, `${alert(1)}`, `<a href=//evil.example>x</a>`, `<base href=//evil.example/>`, `<meta http-equiv=refresh content=0>`,
	`<iframe srcdoc="<script>alert(1)</script>">`, `<form action=//evil.example><input name=q>`, `&lt;script&gt;alert(1)&lt;/script&gt;`, `&#60;script&#62;`,
	"\u003cscript\u003e", `<ScRiPt>alert(1)</sCrIpT>`, `<svg><animate onbegin=alert(1) attributeName=x>`, `<math><mi//xlink:href="data:x,<script>alert(4)</script>">`,
	`=cmd|' /C calc'!A0`, `+1+1`, `-1+1`, `@SUM(1)`, "a\r\nSet-Cookie: x=1", "a\nevent: reset\ndata: {}\n\n", "a\x00b", "\u202egnp.exe", "\x1b]8;;http://evil\x07x",
	`%3Cscript%3E`, `../../etc/passwd`, `Gi1/0/1?x=1&y=2#z`, `a b+c%20d`, `💥` + "\u200d", strings.Repeat("A", 255), `\"><script>alert(1)</script>`, `'; DROP TABLE ports; --`,
}

// hostileRig has one device that says text wherever a device can speak, cleaned
// as the poller cleans it.
func hostileRig(t testing.TB, text string) (*rig, spate.PortID) {
	text = spate.Clean(text)
	d := spate.Device{Name: "sw-1", Address: "192.0.2.1", Site: text}
	r := newRig(t, d)
	rd := round("sw-1", time.Now(), 3)
	rd.Device, rd.System = d, spate.System{Name: text, Descr: text, Vendor: text, Uptime: time.Hour}
	rd.Err = errors.New("sw-1: " + text)
	for i := range rd.Readings {
		p := rd.Readings[i].Port
		p.ID.Name, p.Alias, p.Descr, p.Type, p.MAC = text, text, text, text, text
		if i > 0 {
			p.ID.Name = fmt.Sprint(text, i)
		}
	}
	rd.Readings[2].Gap = spate.GapOverSpeed
	r.board.SetGroups([]web.Group{{Name: "all", Ports: []web.PortPattern{{Device: "*", Port: "*"}}}})
	r.board.Accept(t.Context(), rd)
	return r, rd.Readings[0].Port.ID
}

// pagesOf are the pages that show a port and what is asked with a text.
func pagesOf(id spate.PortID, text string) []string {
	q := url.QueryEscape(text)
	return []string{
		"/", "/devices", "/devices?q=sw-1", "/devices/sw-1", "/status", "/groups", "/groups/all", "/search?q=" + url.QueryEscape(id.Name),
		"/port?device=sw-1&port=" + url.QueryEscape(id.Name), "/port?device=sw-1&port=" + url.QueryEscape(id.Name) + "&from=" + q,
		"/devices?q=" + q, "/devices/" + url.PathEscape(text), "/devices?cursor=" + q, "/nothing/" + url.PathEscape(text),
		"/?theme=" + q,
	}
}

// skeleton is every element of a page with the names of its attributes, in
// order: what must not depend on what a device says.
func skeleton(t testing.TB, page string) []string {
	t.Helper()
	var list []string
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		switch z.Next() {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				t.Fatal(z.Err())
			}
			return list
		case html.StartTagToken, html.SelfClosingTagToken:
			tok := z.Token()
			names := tok.Data
			for _, a := range tok.Attr {
				names += " " + a.Key
				if a.Key == "href" || a.Key == "src" || a.Key == "action" || a.Key == "srcset" {
					if !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") || strings.HasPrefix(a.Val, "//") {
						t.Errorf("%s leads to %q", tok.Data, a.Val)
					}
				}
			}
			list = append(list, names)
		case html.CommentToken:
			list = append(list, "comment")
		}
	}
}

func TestNoElementOfAPageComesFromADevice(t *testing.T) {
	calm, id := hostileRig(t, "Gi1/0/1")
	want := map[int][]string{}
	for i, path := range pagesOf(id, "x y") {
		want[i] = skeleton(t, body(t, calm.get(t, path)))
	}
	for _, text := range payloads {
		if spate.Clean(text) == "" {
			continue
		}
		r, id := hostileRig(t, text)
		for i, path := range pagesOf(id, text) {
			resp := r.get(t, path)
			if resp.StatusCode >= 500 {
				t.Errorf("%s: %d", path, resp.StatusCode)
			}
			if got := skeleton(t, body(t, resp)); resp.StatusCode != 404 && resp.StatusCode != 400 && !slices.Equal(got, want[i]) && i < 10 {
				t.Errorf("%q changes the elements of %s:\n%s", text, path, difference(want[i], got))
			} else if extra := strangers(got); len(extra) > 0 {
				t.Errorf("%q brings %v into %s", text, extra, path)
			}
		}
	}
}

// strangers are elements and attributes that no page of ours has.
func strangers(list []string) (found []string) {
	for _, e := range list {
		tag, attrs, _ := strings.Cut(e, " ")
		if slices.Contains([]string{"iframe", "base", "style", "math", "animate", "comment", "object", "embed"}, tag) || strings.Contains(" "+attrs, " on") || strings.Contains(" "+attrs, " style") {
			found = append(found, e)
		}
		if tag == "script" && attrs != "type src" {
			found = append(found, e)
		}
	}
	return found
}

func difference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("element %d: %q became %q", i, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d elements became %d", len(a), len(b))
}

func TestHostileTextInTheAPIStaysText(t *testing.T) {
	for _, text := range payloads {
		r, id := hostileRig(t, text)
		clean := spate.Clean(text)
		for _, path := range []string{"/api/v1/devices", "/api/v1/ports", "/api/v1/top", "/api/v1/devices/" + url.PathEscape(text), "/api/v1/ports?role=" + url.QueryEscape(text), "/api/v1/series?device=sw-1&port=" + url.QueryEscape(text) + "&from=" + url.QueryEscape(text)} {
			raw := body(t, r.get(t, path))
			if strings.ContainsAny(raw, "<>") {
				t.Errorf("%q: %s answers with a bracket: %s", text, path, raw)
			}
			if !json.Valid([]byte(raw)) {
				t.Errorf("%q: %s is no JSON: %s", text, path, raw)
			}
		}
		p := r.answer(t, "/api/v1/ports")["ports"].([]any)[0].(map[string]any)
		if p["port"] != clean && clean != "" {
			t.Errorf("port %q came out as %q", clean, p["port"])
		}
		rows, err := csv.NewReader(r.get(t, "/api/v1/ports?format=csv").Body).ReadAll()
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for _, row := range rows[1:] {
			for i, cell := range row {
				if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
					t.Errorf("%q: cell %d is a formula: %q", text, i, cell)
				}
			}
		}
		if clean == "" {
			continue
		}
		resp := r.get(t, "/api/v1/series?format=csv&device=sw-1&port="+url.QueryEscape(id.Name))
		name := resp.Header.Get("Content-Disposition")
		if inner := strings.TrimSuffix(strings.TrimPrefix(name, `attachment; filename="`), `"`); strings.ContainsAny(inner, "\"\\/;\r\n<>") {
			t.Errorf("%q: file name %q", text, name)
		}
	}
}

func TestHostileTextInAPictureStaysText(t *testing.T) {
	elements := func(text string) map[string]bool {
		r, id := hostileRig(t, text)
		got := body(t, r.get(t, "/api/v1/graph.svg?device=sw-1&port="+url.QueryEscape(id.Name)))
		found := map[string]bool{}
		for d := xml.NewDecoder(strings.NewReader(got)); ; {
			tok, err := d.Token()
			if errors.Is(err, io.EOF) {
				return found
			}
			if err != nil {
				t.Fatalf("%q: %v in %s", text, err, got)
			}
			if e, ok := tok.(xml.StartElement); ok {
				found[e.Name.Local] = true
				for _, a := range e.Attr {
					if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" || a.Name.Local == "style" {
						found[e.Name.Local+" "+a.Name.Local] = true
					}
				}
			}
		}
	}
	want := elements("Gi1/0/1")
	for _, text := range payloads {
		if spate.Clean(text) == "" {
			continue
		}
		for e := range maps.Keys(elements(text)) {
			if !want[e] {
				t.Errorf("%q brings %s into the picture", text, e)
			}
		}
	}
}

func TestHostileTextInEventsStaysOneLine(t *testing.T) {
	const text = "a\nevent: reset\ndata: {}\n\n</script>"
	r := newRig(t, dev("sw-1"))
	s := openEvents(t, r.running(t), "", "")
	rd := round("sw-1", time.Now(), 1)
	rd.Readings[0].Port.ID.Name = text // not even cleaned
	r.board.Accept(t.Context(), rd)
	e := s.next(t)
	var got struct{ Ports []struct{ Port string } }
	if err := json.Unmarshal([]byte(e.data), &got); err != nil || e.kind != "rates" || got.Ports[0].Port != text {
		t.Errorf("event %+v, %v", e, err)
	}
}
