package spate

// A Gap is the reason why there is no rate between two samples. The empty Gap
// is none. The words are part of the API.
type Gap string

// Reasons for a gap.
const (
	GapRestart       Gap = "restart"        // the agent restarted, counters began anew
	GapWrapUnsure    Gap = "wrap_unsure"    // a 32-bit counter went down and a wrap cannot be told from a restart
	GapDiscontinuity Gap = "discontinuity"  // ifCounterDiscontinuityTime changed, or a 64-bit counter went down
	GapOrder         Gap = "out_of_order"   // samples doubled, late or too close to divide by
	GapMissed        Gap = "missed"         // too long since the last sample to spread a difference over
	GapSilent        Gap = "silent"         // the device or this row did not answer
	GapOverSpeed     Gap = "over_speed"     // faster than the wire: quarantined
	GapNotMeasurable Gap = "not_measurable" // a 32-bit counter that may wrap more than once an interval
)

// Gaps lists every reason, for counters that start at zero.
func Gaps() []Gap {
	return []Gap{GapRestart, GapWrapUnsure, GapDiscontinuity, GapOrder, GapMissed, GapSilent, GapOverSpeed, GapNotMeasurable}
}
