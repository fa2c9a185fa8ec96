package snmptest

import (
	"time"

	"spate/mibs"
)

// A Quirk is one way in which an agent misbehaves, see [Agent.Misbehave]. A
// test may write its own. A Quirk may have a memory: it serves one agent.
type Quirk struct {
	// View changes what the agent finds in its table.
	View func(View) View
	// PDU changes the response before it is written; a Type of 0 keeps silent.
	// Names and values of the request are valid during the call only.
	PDU func(m Moment, request, response *Message)
	// Secure changes an SNMPv3 answer before it is encrypted and gets its digest,
	// both under the keys of the user and the engine that it then names.
	Secure func(m Moment, request *Secure, response *Secure)
	// Wire changes what is sent for a request, and when. The data of an answer
	// it keeps for later must be copied.
	Wire func(m Moment, request []byte, answers []Answer) []Answer
}

// From lets q begin with the n-th request.
func From(n int, q Quirk) Quirk { return during(func(r int) bool { return r >= n }, q) }

// Once lets q happen at the n-th request only.
func Once(n int, q Quirk) Quirk { return during(func(r int) bool { return r == n }, q) }

// Every lets q happen at each n-th request.
func Every(n int, q Quirk) Quirk { return during(func(r int) bool { return r%n == 0 }, q) }

func during(applies func(request int) bool, q Quirk) Quirk {
	var out Quirk
	if q.View != nil {
		out.View = func(v View) View { return &turning{good: v, bad: q.View(v), applies: applies} }
	}
	if q.PDU != nil {
		out.PDU = func(m Moment, request, response *Message) {
			if applies(m.Request) {
				q.PDU(m, request, response)
			}
		}
	}
	if q.Secure != nil {
		out.Secure = func(m Moment, request, response *Secure) {
			if applies(m.Request) {
				q.Secure(m, request, response)
			}
		}
	}
	if q.Wire != nil {
		out.Wire = func(m Moment, request []byte, answers []Answer) []Answer {
			if applies(m.Request) {
				return q.Wire(m, request, answers)
			}
			return answers
		}
	}
	return out
}

// turning is a view that is another one for some requests.
type turning struct {
	good, bad View
	applies   func(request int) bool
}

func (t *turning) at(m Moment) View {
	if t.applies(m.Request) {
		return t.bad
	}
	return t.good
}

func (t *turning) Get(n Name, m Moment) (Value, bool)        { return t.at(m).Get(n, m) }
func (t *turning) Next(n Name, m Moment) (Name, Value, bool) { return t.at(m).Next(n, m) }
func (t *turning) HasObject(n Name, m Moment) bool           { return t.at(m).HasObject(n, m) }

// TooBigOver refuses answers with more than n variables. A sound agent would
// cut the answer to a GETBULK; many do not (RFC 3416, section 4.2.3).
func TooBigOver(n int) Quirk {
	return Quirk{PDU: func(_ Moment, _, resp *Message) {
		if len(resp.Vars) > n {
			resp.Status, resp.Index, resp.Vars = TooBig, 0, resp.Vars[:0]
		}
	}}
}

// MaxVars cuts every answer to n variables.
func MaxVars(n int) Quirk {
	return Quirk{PDU: func(_ Moment, _, resp *Message) { resp.Vars = resp.Vars[:min(n, len(resp.Vars))] }}
}

// Fail answers with an error status and the variables of the request. To fail
// in the second PDU of a walk: Once(2, Fail(GenErr, 1)).
func Fail(status, index int32) Quirk {
	return Quirk{PDU: func(_ Moment, req, resp *Message) {
		resp.Status, resp.Index = status, index
		resp.Vars = append(resp.Vars[:0], req.Vars...)
	}}
}

// RequestID answers with another request-id.
func RequestID(f func(asked int32) int32) Quirk {
	return Quirk{PDU: func(_ Moment, _, resp *Message) { resp.RequestID = f(resp.RequestID) }}
}

// Version answers in another version.
func Version(v int32) Quirk {
	return Quirk{PDU: func(_ Moment, _, resp *Message) { resp.Version = v }}
}

// Community answers with another community.
func Community(c string) Quirk {
	return Quirk{PDU: func(_ Moment, _, resp *Message) { resp.Community = []byte(c) }}
}

// As answers with another PDU type, such as Get.
func As(pdu byte) Quirk {
	return Quirk{PDU: func(_ Moment, _, resp *Message) { resp.Type = pdu }}
}

// EmptyVars answers with no variables and no error.
func EmptyVars() Quirk {
	return Quirk{PDU: func(_ Moment, _, resp *Message) { resp.Vars = resp.Vars[:0] }}
}

// OtherNames answers with instances that were not asked for: the last arc of
// every name is one more, the values stay.
func OtherNames() Quirk {
	return Quirk{PDU: func(_ Moment, _, resp *Message) {
		for i := range resp.Vars {
			v := &resp.Vars[i]
			n := append(Name(nil), v.Name...)
			n[len(n)-1] = (n[len(n)-1] + 1) & 0x7f
			v.Name = n
		}
	}}
}

// Backwards answers with the variables in reverse order.
func Backwards() Quirk {
	return Quirk{PDU: func(_ Moment, _, resp *Message) {
		for i, j := 0, len(resp.Vars)-1; i < j; i, j = i+1, j-1 {
			resp.Vars[i], resp.Vars[j] = resp.Vars[j], resp.Vars[i]
		}
	}}
}

// Rewrite changes each value of the answer, such as a Counter64 that is sent
// as Counter32.
func Rewrite(f func(oid mibs.OID, v Value) Value) Quirk {
	return Quirk{PDU: func(_ Moment, _, resp *Message) {
		for i := range resp.Vars {
			resp.Vars[i].Value = f(resp.Vars[i].Name.OID(), resp.Vars[i].Value)
		}
	}}
}

// Silent answers nothing.
func Silent() Quirk { return Quirk{PDU: func(_ Moment, _, resp *Message) { resp.Type = 0 }} }

// Slow sends every answer so much later; delay is told the request's number.
func Slow(delay func(request int) time.Duration) Quirk {
	return Quirk{Wire: func(m Moment, _ []byte, answers []Answer) []Answer {
		for i := range answers {
			answers[i].Delay += delay(m.Request)
		}
		return answers
	}}
}

// Doubled sends every answer again after a while.
func Doubled(after time.Duration) Quirk {
	return Quirk{Wire: func(_ Moment, _ []byte, answers []Answer) []Answer {
		for _, a := range answers {
			answers = append(answers, Answer{Delay: a.Delay + after, Data: a.Data})
		}
		return answers
	}}
}

// OneBehind answers each request with the answer to the one before.
func OneBehind() Quirk {
	var kept []Answer
	return Quirk{Wire: func(_ Moment, _ []byte, answers []Answer) []Answer {
		late := kept
		kept = nil
		for _, a := range answers {
			kept = append(kept, Answer{Delay: a.Delay, Data: append([]byte(nil), a.Data...)})
		}
		return late
	}}
}

// Garbage replaces every answer by what f makes of it.
func Garbage(f func(answer []byte) []byte) Quirk {
	return Quirk{Wire: func(_ Moment, _ []byte, answers []Answer) []Answer {
		for i, a := range answers {
			answers[i].Data = f(append([]byte(nil), a.Data...))
		}
		return answers
	}}
}

// Cut sends only the first n octets of every answer.
func Cut(n int) Quirk { return Garbage(func(b []byte) []byte { return b[:min(n, len(b))] }) }

// Flip changes one octet of every answer, chosen by the answer and seed.
func Flip(seed uint64) Quirk {
	return Garbage(func(b []byte) []byte {
		h := seed ^ 14695981039346656037
		for _, c := range b {
			h = (h ^ uint64(c)) * 1099511628211 // FNV-1a
		}
		b[h%uint64(len(b))] ^= byte(h>>32) | 1
		return b
	})
}
