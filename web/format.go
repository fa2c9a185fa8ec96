package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"spate"
)

// narrow is the narrow no-break space that keeps a number and its unit together.
const narrow = "\u202f"

// tight replaces the blank between a number and its unit.
func tight(s string) string { return strings.ReplaceAll(s, " ", narrow) }

func formatBits(v float64) string    { return tight(spate.FormatSI(v, "b/s")) }
func formatPackets(v float64) string { return tight(spate.FormatSI(v, "p/s")) }
func formatErrors(v float64) string  { return tight(spate.FormatSI(v, "/s")) }
func formatAge(d time.Duration) string {
	return tight(spate.FormatAge(d))
}

// formatMetric prints a rate in the unit of its metric.
func formatMetric(m spate.Metric, v float64) string {
	switch {
	case m.IsBits():
		return formatBits(v)
	case m >= spate.InErrorsPs:
		return formatErrors(v)
	}
	return formatPackets(v)
}

// formatTotal prints an amount: octets of a rate of bits, packets, or a count of
// errors.
func formatTotal(m spate.Metric, v float64) string {
	switch {
	case m.IsBits():
		return tight(spate.FormatSI(v, "B"))
	case m < spate.InErrorsPs:
		return tight(spate.FormatSI(v, "p"))
	}
	return tight(strings.TrimRight(spate.FormatSI(v, ""), " "))
}

// formatPercent prints a share of the link speed; "-" where it cannot be told.
func formatPercent(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "-"
	case v > 0 && v < 1:
		return "<1" + narrow + "%"
	}
	return strconv.FormatFloat(math.Round(v), 'f', 0, 64) + narrow + "%"
}

// formatCount groups thousands.
func formatCount(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + narrow + s[i:]
	}
	return s
}

// formatBytes prints sizes on disk; "-" where it is not known.
func formatBytes(n int64) string {
	if n < 0 {
		return "-"
	}
	return tight(spate.FormatSI(float64(n), "B"))
}

// band is the colour of a share of the link speed; none where it cannot be told,
// since an empty bar would claim an idle link.
func band(percent float64) string {
	switch {
	case math.IsNaN(percent):
		return "none"
	case percent > 95:
		return "full"
	case percent > 80:
		return "high"
	case percent > 50:
		return "half"
	}
	return "low"
}

// plural is "1 port", "2 ports".
func plural(n int, one, many string) string {
	if n == 1 {
		return formatCount(n) + " " + one
	}
	return formatCount(n) + " " + many
}

// speedWords tells a port's speed and where it comes from.
func speedWords(p portView) string {
	speed := tight(p.speed().String())
	switch p.Port.SpeedSource {
	case spate.SpeedFromConfig:
		return speed + ", set by hand in the configuration"
	case spate.SpeedFromLAG:
		return speed + ", the sum of its active members"
	case spate.SpeedFromDriver:
		return speed + ", from the network driver"
	case spate.SpeedFromIfHighSpeed, spate.SpeedFromIfSpeed:
		return speed + ", from " + string(p.Port.SpeedSource)
	}
	return "unknown: no share of it can be told"
}

// gapShort is a gap for a narrow cell.
func gapShort(g spate.Gap) string { return strings.ReplaceAll(string(g), "_", " ") }

// gapText tells why there is no rate, with the port's own figures; empty: there is one.
func (p portView) gapText() string {
	switch {
	case p.Gap == "":
		return ""
	case p.Gap == spate.GapOverSpeed && p.Quarantine != nil:
		return fmt.Sprintf("quarantined: the counters say %s, and the port can carry %s; if its speed is wrong, set device.speed",
			formatBits(p.Quarantine.Bps), formatBits(float64(p.Quarantine.Limit)))
	case p.Gap == spate.GapNotMeasurable && p.speed() > 0:
		wraps := time.Duration((1 << 32) * 8 / float64(p.speed()) * float64(time.Second))
		return fmt.Sprintf("not measurable: its octet counters have 32 bits and may wrap every %.1f s at %s, and it is polled every %v",
			wraps.Seconds(), formatBits(float64(p.speed())), p.interval)
	}
	return gapWords(p.Gap)
}

// quarantineText tells of the newest reading above the port's speed; empty: none yet.
func (p portView) quarantineText() string {
	q := p.Quarantine
	if q == nil {
		return ""
	}
	return fmt.Sprintf("%s %s ago, %s in all", formatBits(q.Bps), formatAge(p.now.Sub(q.At)), formatCount(q.Count))
}

// gapWords tells why there is no rate.
func gapWords(g spate.Gap) string {
	switch g {
	case spate.GapRestart:
		return "the device restarted and its counters began anew; the next poll brings a rate"
	case spate.GapWrapUnsure:
		return "a 32-bit counter went down, and a wrap cannot be told from a restart"
	case spate.GapDiscontinuity:
		return "the counters of this port began anew; the next poll brings a rate"
	case spate.GapOrder:
		return "answers came doubled, late or too close together"
	case spate.GapMissed:
		return "too long since the poll before; the next one brings a rate"
	case spate.GapSilent:
		return "the device or this port did not answer"
	case spate.GapOverSpeed:
		return "quarantined, over speed: the counters moved faster than the wire can carry; if the speed is wrong, set device.speed"
	case spate.GapNotMeasurable:
		return "not measurable: its 32-bit counters may wrap more than once between two polls; a shorter interval helps"
	}
	return string(g)
}
