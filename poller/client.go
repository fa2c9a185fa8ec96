package poller

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/gosnmp/gosnmp"

	"spate/mibs"
)

// client is the Session over gosnmp.
type client struct {
	cred    Credentials
	guard   *guard
	lib     *library
	own     *gosnmp.GoSNMP // v3: keeps engine, keys and time of this device
	rto     rto
	retries int

	view      string // which of the device's bridges is asked: a VLAN, as Cisco has them; "": the usual one
	hadEngine bool   // v3: the engine was known before the request under way
}

// library lends gosnmp's objects. Each holds a receive buffer of 64 KB; v1 and
// v2c need one only while a request is outstanding, so they share.
type library struct{ free sync.Pool }

// dial opens a Session over a conn of the transport.
func (l *library) dial(raw net.Conn, cred Credentials, cfg Config, reject func(Rejection)) (*client, error) {
	c := &client{
		cred: cred, lib: l, retries: cfg.Retries,
		guard: &guard{Conn: raw, reject: reject},
		rto:   rto{most: cfg.Timeout},
	}
	if cred.Version != V3 {
		return c, nil
	}
	if auth, ok := authProtocols[cred.AuthProtocol]; ok {
		c.guard.authentic = func(datagram []byte, u *usmHeader) bool { return auth.authentic(datagram, u, c.usm().SecretKey) }
	}
	return c, c.renew()
}

// renew forgets what is known of a v3 engine; the next request discovers it.
func (c *client) renew() error {
	own, err := connect(c.cred)
	if err == nil {
		c.own, c.guard.clock = own, engineClock{}
	}
	return err
}

// usm is what gosnmp knows of the v3 engine and our keys there.
func (c *client) usm() *gosnmp.UsmSecurityParameters {
	return c.own.SecurityParameters.(*gosnmp.UsmSecurityParameters) // setUSM put it there
}

// connect makes a gosnmp object without a socket of its own: Connect dials,
// which for UDP sends nothing, and the socket is given back at once.
func connect(cred Credentials) (*gosnmp.GoSNMP, error) {
	g := &gosnmp.GoSNMP{
		Target: "127.0.0.1", Port: 9, Timeout: time.Second, MaxOids: maxVars,
		Version: gosnmp.Version2c,
	}
	if cred.Version == V3 {
		setUSM(g, cred)
	}
	if err := g.Connect(); err != nil {
		return nil, fmt.Errorf("snmp.%s: %w", cred.Name, err)
	}
	return g, g.Close()
}

// maxVars is more than fits a datagram; the plan keeps far below.
const maxVars = 4096

func (l *library) borrow() (*gosnmp.GoSNMP, error) {
	if g, ok := l.free.Get().(*gosnmp.GoSNMP); ok {
		return g, nil
	}
	return connect(Credentials{})
}

// Get implements Session.
func (c *client) Get(ctx context.Context, oids []mibs.OID) (*Answer, error) {
	return c.ask(ctx, c.retries, func(g *gosnmp.GoSNMP) (*gosnmp.SnmpPacket, error) { return g.Get(names(oids)) })
}

// Next implements Session.
func (c *client) Next(ctx context.Context, oids []mibs.OID) (*Answer, error) {
	return c.ask(ctx, c.retries, func(g *gosnmp.GoSNMP) (*gosnmp.SnmpPacket, error) { return g.GetNext(names(oids)) })
}

// Bulk implements Session.
func (c *client) Bulk(ctx context.Context, oids []mibs.OID, nonRepeaters, repetitions int) (*Answer, error) {
	return c.ask(ctx, c.retries, func(g *gosnmp.GoSNMP) (*gosnmp.SnmpPacket, error) {
		return g.GetBulk(names(oids), uint8(nonRepeaters), uint32(repetitions))
	})
}

// Probe implements Session.
func (c *client) Probe(ctx context.Context, oid mibs.OID) (*Answer, error) {
	return c.ask(ctx, 0, func(g *gosnmp.GoSNMP) (*gosnmp.SnmpPacket, error) { return g.Get([]string{string(oid)}) })
}

// HasBulk implements Session.
func (c *client) HasBulk() bool { return c.cred.Version != V1 }

// Close implements Session.
func (c *client) Close() error { return c.guard.Close() }

// ask sends one request until it is answered or the tries are used up. Each try
// has an id of its own, so that an answer to an earlier one is told apart.
func (c *client) ask(ctx context.Context, retries int, send func(*gosnmp.GoSNMP) (*gosnmp.SnmpPacket, error)) (*Answer, error) {
	g := c.own
	if g == nil {
		var err error
		if g, err = c.lib.borrow(); err != nil {
			return nil, err
		}
		defer c.lib.giveBack(g)
	}
	defer rest(c.guard.Conn)
	stop := context.AfterFunc(ctx, func() { _ = c.guard.SetDeadline(time.Now()) })
	defer stop()
	var err error
	for try := 0; try <= retries; try++ {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		c.prepare(ctx, g, c.rto.wait(try, retries))
		var packet *gosnmp.SnmpPacket
		if packet, err = send(g); err == nil {
			c.rto.learn(c.guard.gotAt.Sub(c.guard.sentAt))
			return c.answer(packet)
		}
		if again, fatal := c.failed(err); !again {
			return nil, fatal
		}
		switch {
		case c.unreadable(err):
			c.guard.reject(RejectDecode)
		case c.guard.answered && c.guard.report == "": // gosnmp waited on: it was encrypted, and for another request
			c.guard.reject(RejectID)
		}
		if c.own != nil {
			g = c.own // the engine may have been renewed
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, c.silence(err)
}

func (c *client) prepare(ctx context.Context, g *gosnmp.GoSNMP, wait time.Duration) {
	c.guard.begin()
	if c.hadEngine = c.own != nil && c.knowsEngine(); c.hadEngine && !c.guard.clock.at.IsZero() {
		// gosnmp's notion stands still between requests: after 150 s of silence each
		// request would be refused as too old, and asked again.
		usm := c.usm()
		usm.AuthoritativeEngineBoots, usm.AuthoritativeEngineTime = uint32(c.guard.clock.boots), uint32(c.guard.clock.now())
	}
	g.Conn, g.Context = c.guard, ctx
	g.Timeout, g.Retries = wait, 0
	if c.own != nil {
		if c.own.ContextName = c.cred.Context; c.view != "" {
			c.own.ContextName = "vlan-" + c.view
		}
	}
	if c.cred.Version != V3 {
		g.Version, g.Community = gosnmp.Version2c, c.cred.Community.Reveal()
		if c.view != "" {
			g.Community += "@" + c.view
		}
		if c.cred.Version == V1 {
			g.Version = gosnmp.Version1
		}
	}
}

func (l *library) giveBack(g *gosnmp.GoSNMP) {
	g.Conn, g.Context, g.Community = nil, nil, ""
	l.free.Put(g)
}

// rest tells a shared socket that no answer is waited for.
func rest(c net.Conn) {
	if r, ok := c.(interface{ Rest() }); ok {
		r.Rest()
	}
}

// failed tells whether another try makes sense after err, and the error if not.
func (c *client) failed(err error) (again bool, fatal error) {
	switch c.guard.report {
	case mibs.UsmStatsUnknownUserNames:
		return false, fmt.Errorf("%w (user %q)", ErrUnknownUser, c.cred.User)
	case mibs.UsmStatsWrongDigests:
		return false, ErrWrongDigest
	case mibs.UsmStatsUnsupportedSecLevels:
		return false, ErrSecurityLevel
	case mibs.UsmStatsDecryptionErrors:
		return false, ErrDecryption
	case mibs.SnmpUnknownContexts:
		return false, fmt.Errorf("%w (context %q)", ErrUnknownContext, c.cred.Context)
	case mibs.UsmStatsUnknownEngineIDs:
		if !c.hadEngine { // the answer to our own discovery
			break
		}
		if err := c.renew(); err != nil { // another engine answers at this address now
			return false, err
		}
	}
	if errors.Is(err, gosnmp.ErrUnknownReportPDU) {
		return false, err
	}
	if c.guard.stale { // its clock was put back, or its boots were forgotten: what was heard of it is void
		if err := c.renew(); err != nil {
			return false, err
		}
	}
	return true, nil
}

// unreadable tells whether a try failed because gosnmp could not read the answer.
func (c *client) unreadable(err error) bool {
	return c.guard.answered && c.guard.report == "" && !errors.Is(err, gosnmp.ErrMaxRetriesExceeded) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// silence is the error after the last try.
func (c *client) silence(err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case c.unreadable(err):
		return fmt.Errorf("%w: %v", ErrUnreadable, err)
	case c.cred.Version == V3 && c.cred.PrivProtocol != "" && c.knowsEngine():
		return ErrNoAnswerEncrypted
	}
	return ErrNoAnswer
}

func (c *client) knowsEngine() bool {
	return c.usm().AuthoritativeEngineID != ""
}

// answer translates gosnmp's packet.
func (c *client) answer(p *gosnmp.SnmpPacket) (*Answer, error) {
	a := &Answer{
		Status: Status(p.Error), Index: int(p.ErrorIndex),
		At: c.guard.gotAt, Trip: c.guard.gotAt.Sub(c.guard.sentAt),
		Vars: make([]Var, len(p.Variables)),
	}
	if usm, ok := p.SecurityParameters.(*gosnmp.UsmSecurityParameters); ok && p.Version == gosnmp.Version3 {
		a.Boots = usm.AuthoritativeEngineBoots
	}
	switch {
	case p.PDUType == gosnmp.Report:
		_, err := c.failed(gosnmp.ErrUnknownReportPDU)
		return nil, err
	case p.PDUType != gosnmp.GetResponse: // it was encrypted: the guard could not see it
		c.guard.reject(RejectType)
		return nil, fmt.Errorf("%w: no response", ErrUnreadable)
	case p.RequestID == 0: // which gosnmp takes for right
		c.guard.reject(RejectID)
		return nil, fmt.Errorf("%w: request-id 0", ErrUnreadable)
	}
	if a.Status == NoError && len(a.Vars) == 0 {
		c.guard.reject(RejectEmpty)
		return nil, fmt.Errorf("%w: success without a variable", ErrUnreadable)
	}
	for i, v := range p.Variables {
		a.Vars[i] = translate(v)
	}
	return a, nil
}

// translate turns gosnmp's dynamic value into a Var.
func translate(p gosnmp.SnmpPDU) Var {
	v := Var{OID: mibs.OID(p.Name), Syntax: mibs.Syntax(p.Type)}
	switch x := p.Value.(type) {
	case uint64:
		v.Uint = x
	case uint:
		v.Uint = uint64(x)
	case uint32:
		v.Uint = uint64(x)
	case int:
		v.Uint = uint64(int64(x))
	case []byte:
		v.Octets = x
	case string:
		v.Name = mibs.OID(x)
	}
	return v
}

func names(oids []mibs.OID) []string {
	out := make([]string, len(oids))
	for i, o := range oids {
		out[i] = string(o)
	}
	return out
}
