package poller

import "time"

// rto decides how long to wait for an answer, from the round trips seen (RFC
// 6298, section 2), between leastWait and the configured timeout.
type rto struct {
	smooth, vary time.Duration
	most         time.Duration
}

const leastWait = 200 * time.Millisecond

// learn takes the round trip of an answer to a first or later try; each has an
// id of its own, so there is no ambiguity (Karn's problem).
func (r *rto) learn(trip time.Duration) {
	if trip < 0 {
		return
	}
	if r.smooth == 0 {
		r.smooth, r.vary = trip, trip/2
		return
	}
	r.vary += (max(r.smooth-trip, trip-r.smooth) - r.vary) / 4
	r.smooth += (trip - r.smooth) / 8
}

// wait is how long try of retries+1 waits. The last one has the whole timeout:
// a device that slows down is still heard, and teaches its new round trip.
func (r *rto) wait(try, retries int) time.Duration {
	if r.smooth == 0 || try >= retries {
		return r.most
	}
	return min(max(r.smooth+4*r.vary, leastWait)<<min(try, 8), r.most)
}
