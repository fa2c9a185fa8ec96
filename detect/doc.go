// Package detect tells what is unusual for a port from what the port itself has
// done: the level that it sustains for one sample, two, fifteen and thirty-five
// minutes against its own records, and against what is usual for the hour of the
// week (research: record surprise). No sigma and no threshold has to be set.
//
// It is told rates and asks no clock. Days and hours of the week come from the
// caller, in the site's time zone, so that a change of the clocks is none here.
package detect
