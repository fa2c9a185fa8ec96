package web

import (
	"cmp"
	"slices"
)

// A forest is the network as a tree from the outside in: each device below the
// one by which it is nearest to the outside. Devices without others below them
// hang in a column under theirs, so that two hundred fit a screen and stay apart.
type forest struct {
	parent   map[string]string
	children map[string][]string
	depth    map[string]int
	roots    []string
	lost     []string // without a link
}

// A spot is a device's place, in boxes and layers; hung says that it is one of a
// column.
type spot struct {
	x, y float64
	hung bool
}

const (
	mapColumn  = 20  // devices in a column; more begin the next
	hungHeight = 0.4 // of a layer that one of a column takes
)

// grow makes the tree from the devices with external ports, else, in each part of
// the network, from the one with most links.
func grow(names []string, joined map[string][]string, outside map[string]bool) *forest {
	f := &forest{parent: map[string]string{}, children: map[string][]string{}, depth: map[string]int{}}
	var rest []string
	for _, name := range names {
		switch {
		case len(joined[name]) == 0 && !outside[name]:
			f.lost = append(f.lost, name)
		case outside[name]:
			f.roots = append(f.roots, name)
		default:
			rest = append(rest, name)
		}
	}
	f.spread(f.roots, joined)
	slices.SortStableFunc(rest, func(a, b string) int { return cmp.Compare(len(joined[b]), len(joined[a])) })
	for _, name := range rest {
		if _, seen := f.depth[name]; !seen {
			f.roots = append(f.roots, name)
			f.spread([]string{name}, joined)
		}
	}
	return f
}

// spread goes outward from some roots, layer by layer. Where several devices of a
// layer lead to one, the one with fewest below it has it.
func (f *forest) spread(layer []string, joined map[string][]string) {
	for _, name := range layer {
		f.depth[name] = 0
	}
	for len(layer) > 0 {
		var next []string
		above := map[string][]string{}
		for _, a := range layer {
			for _, b := range joined[a] {
				if _, seen := f.depth[b]; seen {
					continue
				}
				if above[b] == nil {
					next = append(next, b)
				}
				if !slices.Contains(above[b], a) {
					above[b] = append(above[b], a)
				}
			}
		}
		slices.Sort(next)
		for _, b := range next {
			best := slices.MinFunc(above[b], func(x, y string) int { return cmp.Compare(len(f.children[x]), len(f.children[y])) })
			f.parent[b], f.depth[b] = best, f.depth[best]+1
			f.children[best] = append(f.children[best], b)
		}
		layer = next
	}
}

// place gives every device its spot, and tells how many boxes wide and layers
// high the picture is.
func (f *forest) place() (spots map[string]spot, width, height float64) {
	spots = map[string]spot{}
	x := 0.0
	for _, root := range f.roots {
		w := f.below(root, x, spots)
		x += w
	}
	for _, s := range spots {
		height = max(height, s.y+1)
	}
	width = max(x, 1)
	across := max(int(width), 8)
	for i, name := range f.lost {
		spots[name] = spot{x: float64(i % across), y: height + 0.3 + hungHeight*float64(i/across), hung: true}
	}
	if n := len(f.lost); n > 0 {
		width = max(width, float64(min(n, across)))
		height += 0.9 + hungHeight*float64((n-1)/across)
	}
	return spots, width, height
}

// below places a device and all below it, from x on, and tells how wide that is.
func (f *forest) below(name string, x float64, spots map[string]spot) (width float64) {
	var inner, hung []string
	for _, c := range f.children[name] {
		if len(f.children[c]) > 0 {
			inner = append(inner, c)
		} else {
			hung = append(hung, c)
		}
	}
	y := float64(f.depth[name])
	slices.SortFunc(hung, natural)
	slices.SortFunc(inner, natural)
	for i, c := range hung {
		spots[c] = spot{x: x + float64(i/mapColumn), y: y + 1 + hungHeight*float64(i%mapColumn), hung: true}
	}
	width = float64((len(hung) + mapColumn - 1) / mapColumn)
	for _, c := range inner {
		width += f.below(c, x+width, spots)
	}
	width = max(width, 1)
	spots[name] = spot{x: x + (width-1)/2, y: y}
	return width
}
