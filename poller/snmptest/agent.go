package snmptest

import (
	"bytes"
	"sync"
	"time"

	"spate/mibs"
)

// Config says how an agent answers. The zero value is a v1 and v2c agent with
// the community "public" that fits its answers into one Ethernet frame.
type Config struct {
	Community string           // "" is "public"
	MaxSize   int              // octets of the largest answer; 0 is 1,472
	V1Only    bool             // v2c is not understood: silence
	Engine    Engine           // SNMPv3, where it has an ID
	Clock     func() time.Time // nil is time.Now, which testing/synctest makes false
}

// An Agent answers SNMP requests from a View. It is safe for use by several
// goroutines, which take turns.
type Agent struct {
	community []byte
	maxSize   int
	v1Only    bool
	clock     func() time.Time
	base      View
	usm       *usm // nil: no SNMPv3

	mu        sync.Mutex
	view      View
	quirks    []Quirk
	start     time.Time
	requests  int
	req, resp Message  // scratch
	answered  []Answer // scratch of Respond
}

// New makes an agent that has started now.
func New(view View, cfg Config) *Agent {
	a := &Agent{
		community: []byte(cfg.Community), maxSize: cfg.MaxSize,
		v1Only: cfg.V1Only, clock: cfg.Clock, base: view, view: view,
	}
	if cfg.Community == "" {
		a.community = []byte("public")
	}
	if a.maxSize == 0 {
		a.maxSize = 1472
	}
	if a.clock == nil {
		a.clock = time.Now
	}
	a.start = a.clock()
	if len(cfg.Engine.ID) > 0 {
		a.usm = newUSM(cfg.Engine)
	}
	return a
}

// Do runs f while no request is being answered: the place to change a Walk.
func (a *Agent) Do(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

// Restart starts the agent anew: uptime and growing counters begin again, and an
// SNMPv3 engine has booted once more.
func (a *Agent) Restart() {
	a.Do(func() {
		a.start = a.clock()
		if a.usm != nil {
			a.usm.Boots++
		}
	})
}

// Reengine gives the agent another SNMPv3 engine, as a replaced supervisor does,
// or the same one with other boots. Its clock is so much ahead of the agent's.
func (a *Agent) Reengine(e Engine, ahead time.Duration) {
	a.Do(func() {
		a.usm = newUSM(e)
		a.usm.ahead = ahead
	})
}

// RestartedAt makes the agent one that started at t, in the past as a rule.
func (a *Agent) RestartedAt(t time.Time) { a.Do(func() { a.start = t }) }

// Requests is how many requests the agent has understood.
func (a *Agent) Requests() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.requests
}

// Misbehave sets what is wrong with the agent from now on, in the order in
// which it is applied; with no argument the agent is sound again.
func (a *Agent) Misbehave(quirks ...Quirk) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.quirks, a.view = quirks, a.base
	for _, q := range quirks {
		if q.View != nil {
			a.view = q.View(a.view)
		}
	}
}

// An Answer is one datagram that comes back, Delay after the request.
type Answer struct {
	Delay time.Duration
	Data  []byte
}

// Respond answers one datagram, at once. It writes into buf, which it may
// grow; nil is silence. Of doubled answers it gives the first.
func (a *Agent) Respond(request, buf []byte) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answered = a.answers(request, buf, a.answered[:0])
	if len(a.answered) == 0 {
		return nil
	}
	return a.answered[0].Data
}

// Answers gives everything that comes back for one datagram.
func (a *Agent) Answers(request []byte) []Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.answers(request, nil, nil)
}

func (a *Agent) answers(request, buf []byte, out []Answer) []Answer {
	var secure *Secure
	if a.usm != nil {
		whole := bytes.Clone(request) // its digest is blanked
		if s, err := DecodeSecure(whole); err == nil {
			secure, request = &s, whole
		}
	}
	if secure == nil && !a.understand(request) {
		return out
	}
	a.requests++
	m := Moment{Now: a.clock(), Start: a.start, Request: a.requests}
	var data []byte
	if secure != nil {
		data = a.secured(m, secure, request)
	} else {
		a.respond(m)
		data = a.encode(buf[:0])
	}
	if data != nil {
		out = append(out, Answer{Data: data})
	}
	for _, q := range a.quirks {
		if q.Wire != nil {
			out = q.Wire(m, request, out)
		}
	}
	return out
}

// respond works out the response PDU and what quirks make of it.
func (a *Agent) respond(m Moment) {
	a.fill(m)
	for _, q := range a.quirks {
		if q.PDU != nil {
			q.PDU(m, &a.req, &a.resp)
		}
	}
}

// understand reads the request. A wrong community is answered with silence
// (RFC 3584, section 5.2.1 counts it as a bad community name and stops).
func (a *Agent) understand(request []byte) bool {
	if a.req.decode(request) != nil || !bytes.Equal(a.req.Community, a.community) {
		return false
	}
	if a.v1Only && a.req.Version != V1 {
		return false
	}
	switch a.req.Type {
	case Get, GetNext, Set:
		return true
	case GetBulk:
		return a.req.Version != V1
	}
	return false
}

// fill works out the response PDU.
func (a *Agent) fill(m Moment) {
	a.resp = Message{
		Version: a.req.Version, Community: a.req.Community, Type: Response,
		RequestID: a.req.RequestID, Vars: a.resp.Vars[:0],
	}
	switch a.req.Type {
	case Get:
		for i, v := range a.req.Vars {
			a.get(v.Name, i, m)
		}
	case GetNext:
		for i, v := range a.req.Vars {
			if !a.next(v.Name, m) && a.req.Version == V1 {
				a.fail(NoSuchName, i+1)
			}
		}
	case GetBulk:
		a.bulk(m)
	case Set:
		status := NotWritable
		if a.req.Version == V1 {
			status = ReadOnly
		}
		a.fail(status, min(1, len(a.req.Vars)))
	}
	if a.resp.Status != NoError {
		a.resp.Vars = append(a.resp.Vars[:0], a.req.Vars...)
	}
}

// fail sets the first error.
func (a *Agent) fail(status int32, index int) {
	if a.resp.Status == NoError {
		a.resp.Status, a.resp.Index = status, int32(index)
	}
}

func (a *Agent) add(n Name, v Value) { a.resp.Vars = append(a.resp.Vars, Var{Name: n, Value: v}) }

func (a *Agent) get(n Name, i int, m Moment) {
	v, ok := a.view.Get(n, m)
	switch {
	case ok && a.carries(v):
		a.add(n, v)
	case a.req.Version == V1:
		a.fail(NoSuchName, i+1)
	case a.view.HasObject(n, m):
		a.add(n, Value{Syntax: NoSuchInstance})
	default:
		a.add(n, Value{Syntax: NoSuchObject})
	}
}

// carries tells whether the version has the value's type: SNMPv1 has no
// Counter64, so its walk steps over them (RFC 3584, section 4.2.2.1).
func (a *Agent) carries(v Value) bool {
	return a.req.Version != V1 || v.Syntax != mibs.Counter64
}

// next adds the instance behind n, or endOfMibView with the name n.
func (a *Agent) next(n Name, m Moment) bool {
	at := n
	for {
		name, v, ok := a.view.Next(at, m)
		if !ok {
			a.add(n, Value{Syntax: EndOfMibView})
			return false
		}
		if a.carries(v) {
			a.add(name, v)
			return true
		}
		at = name
	}
}

// bulk follows RFC 3416, section 4.2.3. A row that is endOfMibView throughout
// is the last. No more than fits the largest answer is looked up.
func (a *Agent) bulk(m Moment) {
	vars := a.req.Vars
	once := min(max(int(a.req.Status), 0), len(vars))
	for _, v := range vars[:once] {
		a.next(v.Name, m)
	}
	repeaters := vars[once:]
	room := a.maxSize / smallestVar
	for row := int32(0); row < a.req.Index && len(repeaters) > 0 && len(a.resp.Vars) <= room; row++ {
		more := false
		for i := range repeaters {
			from := repeaters[i].Name
			if row > 0 {
				from = a.resp.Vars[len(a.resp.Vars)-len(repeaters)].Name
			}
			if a.next(from, m) {
				more = true
			}
		}
		if !more {
			return
		}
	}
}

// smallestVar is the least a variable takes: 30 05 06 01 00 05 00.
const smallestVar = 7

// encode writes the response. A GETBULK's is cut to what fits; any other that
// does not fit becomes tooBig (RFC 3416, section 4.2.1), in v1 with the
// request's variables (RFC 1157, section 4.1.2).
func (a *Agent) encode(buf []byte) []byte {
	if a.resp.Type == 0 {
		return nil
	}
	out, fit := a.resp.appendFitting(buf, a.maxSize)
	if fit == len(a.resp.Vars) || fit >= 0 && a.req.Type == GetBulk {
		return out
	}
	a.resp.Status, a.resp.Index, a.resp.Vars = TooBig, 0, a.resp.Vars[:0]
	if a.req.Version == V1 {
		a.resp.Vars = append(a.resp.Vars, a.req.Vars...)
	}
	return a.resp.Append(buf)
}
