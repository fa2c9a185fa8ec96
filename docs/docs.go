// Package docs is the documentation, as it is read in the repository and in the pages
// of a running Spate.
package docs

import "embed"

// Files are the pages, in Markdown.
//
//go:embed *.md
var Files embed.FS
