package graph

// Measures are the places and sizes of a picture's parts, in pixels. All but
// the legend's follow from the size of the picture alone.
type measures struct {
	width, height int
	pad           int // around everything
	base, title   style
	gutter        int // labels of the value axis
	plotTop       int // first row of the plot area
	plotHeight    int
	legendTop     int
	rows          int // of the legend, without its heading; 0: no legend
}

// tickLength is how far ticks stand out, in pixels.
const tickLength = 4

// typeSizes are the sizes of text for a picture's width. Those of the body
// make digits 7, 8 and 12 whole pixels high: unhinted digits of a broken
// height look blurred.
func typeSizes(width int) (base, title style) {
	switch {
	case width < 600:
		return style{size: 100}, style{size: 120, bold: true}
	case width < 1800:
		return style{size: 114}, style{size: 140, bold: true}
	}
	return style{size: 168}, style{size: 210, bold: true}
}

// widestLabel is the widest label the value axis can have.
const widestLabel = "1.25 Mb/s"

func measure(l *lettering, width, height int) measures {
	m := measures{width: width, height: height}
	m.base, m.title = typeSizes(width)
	m.pad = m.base.line() / 2
	m.gutter = l.width(m.base, widestLabel)
	return m
}

// plotLeft is the first column of the plot area.
func (m measures) plotLeft() int { return m.pad + m.gutter + blank + tickLength }

// plotWidth is the number of pixel columns of the plot area.
func (m measures) plotWidth() int { return m.width - 2*m.pad - m.gutter - blank - tickLength }

func (m measures) plotBottom() int { return m.plotTop + m.plotHeight }

// axisHeight is what the time axis needs below the plot area.
func (m measures) axisHeight() int { return tickLength + m.base.line() + 2 }

// stack shares the height out: a header of one line where there is one, then
// the plot area, the time axis and as many rows of legend as leave the plot
// at least three tenths of the picture: all of them, or the main ones, or none.
func (m measures) stack(header bool, all, main int) measures {
	m.plotTop = m.pad
	if header {
		m.plotTop += m.title.line() + m.pad/2
	}
	for _, rows := range []int{all, main, 0} {
		m.rows = rows
		m.legendTop = m.height - m.pad
		if rows > 0 {
			m.legendTop -= (rows+1)*m.base.line() - 2
		}
		m.plotHeight = m.legendTop - m.pad/3 - m.axisHeight() - m.plotTop
		if m.plotHeight*10 >= m.height*3 {
			break
		}
	}
	return m
}

// Columns is how many pixel columns a picture of this width draws in: the
// number of values to ask the store for. With more, values share columns.
func (r *Renderer) Columns(width int) int {
	return max(measure(r.letters, width, 0).plotWidth(), 1)
}
