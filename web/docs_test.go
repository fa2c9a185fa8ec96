package web_test

import (
	"io/fs"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"spate/docs"
	"spate/web"
)

func TestEveryPageOfTheDocumentationIsShownAndItsLinksLeadSomewhere(t *testing.T) {
	r := newRig(t)
	files, err := fs.Glob(docs.Files, "*.md")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d pages, %v", len(files), err)
	}
	index := body(t, r.get(t, "/docs/"))
	link := regexp.MustCompile(`<a href="(/docs/[^"#]+)(#[^"]*)?"`)
	for _, f := range files {
		path := "/docs/" + strings.TrimSuffix(f, ".md")
		if !strings.Contains(index, `href="`+path+`"`) {
			t.Errorf("%s is not listed", f)
		}
		resp := r.get(t, path)
		page := body(t, resp)
		if resp.StatusCode != http.StatusOK || !strings.Contains(page, "<h1 id=") {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
		for _, m := range link.FindAllStringSubmatch(page, -1) {
			to := body(t, r.get(t, m[1]))
			if !strings.Contains(to, `class="doc"`) {
				t.Errorf("%s leads to %s, which is no page", f, m[1])
			}
			if m[2] != "" && !strings.Contains(to, `id="`+m[2][1:]+`"`) {
				t.Errorf("%s leads to %s%s, where nothing is called so", f, m[1], m[2])
			}
		}
		if strings.Contains(page, ".md\"") {
			t.Errorf("%s has a link to a file", f)
		}
	}
	api := body(t, r.get(t, "/docs/api"))
	for _, line := range r.Routes() {
		if want := line.Method + " " + strings.NewReplacer(":device", "{device}", ":id", "{id}", ":name", "{name}").Replace(line.Path); strings.HasPrefix(line.Path, "/api/") && !strings.Contains(api, want) {
			t.Errorf("the reference does not tell of %s", want)
		}
	}
	if resp := r.get(t, "/docs/nothing"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a page that is not there: %d", resp.StatusCode)
	}
}

func FuzzDocumentation(f *testing.F) {
	f.Add("# a\n\n| b | c |\n|---|--:|\n| `d` | [e](f.md#g) |\n\n<script>h</script>\n\n```\ni\n```\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, word := range web.DocWords([]byte(text)) {
			if strings.Contains(word, "\x00") && !strings.Contains(text, "\x00") {
				t.Errorf("%q in %q", word, text)
			}
		}
	})
}
