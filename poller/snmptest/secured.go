package snmptest

import (
	"time"

	"spate/mibs"
)

// secured answers an SNMPv3 request.
func (a *Agent) secured(m Moment, s *Secure, whole []byte) []byte {
	seconds := int32((m.Uptime() + a.usm.ahead) / time.Second)
	out := Secure{MsgID: s.MsgID, MaxSize: 65507, Model: 3, Engine: a.usm.ID, Boots: a.usm.Boots, Time: seconds, User: s.User}
	var context []byte
	why := a.usm.open(s, whole, seconds)
	if why == "" {
		var err error
		if context, err = a.req.decodeScoped(s.Scoped); err != nil {
			return nil
		}
		out.Flags = s.Flags & (FlagAuth | FlagPriv)
		a.respond(m)
		if a.resp.Type == 0 {
			return nil
		}
		a.shorten()
	} else {
		if why == mibs.UsmStatsNotInTimeWindows {
			out.Flags = FlagAuth
		}
		a.usm.reported++
		a.resp = report(0, why, a.usm.reported)
	}
	out.Scoped = appendScoped(nil, a.usm.ID, context, &a.resp, a.maxSize)
	for _, q := range a.quirks {
		if q.Secure != nil {
			q.Secure(m, s, &out)
		}
	}
	return a.usm.seal(out)
}

// shorten makes tooBig of what does not fit, as encode does.
func (a *Agent) shorten() {
	if _, fit := a.resp.appendFitting(nil, a.maxSize); fit < len(a.resp.Vars) && a.req.Type != GetBulk {
		a.resp.Status, a.resp.Index, a.resp.Vars = TooBig, 0, a.resp.Vars[:0]
	}
}
