package web

import (
	"embed"
	"io/fs"
	"path"
	"strings"
)

// The folder as a whole: assets/bundle, made by npm and esbuild, may be absent.
//
//go:embed assets
var assetFiles embed.FS

// An asset is one file the browser may load.
type asset struct {
	body                      []byte
	contentType, tag, version string
}

type assetSet struct{ byName map[string]asset }

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml", ".woff2": "font/woff2",
}

// newAssetSet reads the embedded files of the kinds that are served.
func newAssetSet() *assetSet {
	set := &assetSet{byName: map[string]asset{}}
	err := fs.WalkDir(assetFiles, "assets", func(name string, d fs.DirEntry, err error) error {
		kind := contentTypes[path.Ext(name)]
		if err != nil || d.IsDir() || kind == "" {
			return err
		}
		body, err := assetFiles.ReadFile(name)
		if err != nil {
			return err
		}
		tag := tagOf(body)
		set.byName[strings.TrimPrefix(name, "assets/")] = asset{body, kind, tag, strings.Trim(tag, `W/"`)}
		return nil
	})
	if err != nil {
		panic("embedded assets cannot be read: " + err.Error())
	}
	return set
}

// link is the address of a file, with its version so that it may be kept for
// ever; empty where the file is not there.
func (s *assetSet) link(name string) string {
	a, ok := s.byName[name]
	if !ok {
		return ""
	}
	return "/assets/" + name + "?v=" + a.version
}

// zoom tells whether the zooming charts were built in.
func (s *assetSet) zoom() bool {
	_, ok := s.byName["bundle/chart.js"]
	return ok
}
