package web

import "runtime/debug"

// partsPage lists the modules that this program is made of, each with the place where
// its licence can be read; packages carry all of them as THIRD-PARTY.txt.
func partsPage() docPage {
	p := docPage{Name: "parts", Title: "Parts and their licences", Nodes: []docNode{
		{Kind: "heading", Level: 1, ID: "parts", Kids: words("Parts and their licences")},
		{Kind: "p", Kids: append(append(words("Spate is one program, made of the modules below and, for the charts that zoom, of uPlot (MIT). Packages carry all licences as "), mono("/usr/share/doc/spate/THIRD-PARTY.txt")...), words("; each line leads to where one can be read.")...)},
	}}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return p
	}
	t := docNode{Kind: "table", Kids: []docNode{row("head", words("Module"), words("Version"), words("Licence"))}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		link := docNode{Kind: "link", Href: "https://pkg.go.dev/" + m.Path + "@" + m.Version + "?tab=licenses", Kids: words("licence")}
		t.Kids = append(t.Kids, row("cell", mono(m.Path), words(m.Version), []docNode{link}))
	}
	p.Nodes = append(p.Nodes, t)
	return p
}
