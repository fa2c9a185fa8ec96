package poller

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"spate"
	"spate/mibs"
)

// Fixture reads everything that Spate reads of a device and writes it as lines of
// OID|type|value, the snmprec form that snmptest.LoadWalk and snmpsim replay,
// without what names the owner: system texts, aliases, MACs and every interface
// name that is not a kind and numbers are replaced, the same by the same. Counters,
// indexes, types, speeds and states stay. The error is the sentence for an operator.
func (p *Poller) Fixture(ctx context.Context, t Target, w io.Writer, progress func(what string, part float64)) error {
	start := time.Now()
	d := newDevice(t, p.cfg, p.counts)
	defer p.close(d)
	progress("writing a fixture", 0)
	if err := p.connect(ctx, d); err != nil {
		return explain(t, err, time.Since(start), 0)
	}
	f := fixture{out: bufio.NewWriter(w), names: map[string]string{}}
	fmt.Fprintln(f.out, "# what a device answers, by spate walk; texts, names and MACs are replaced")
	if err := f.read(ctx, newWalker(d.session, d.reject, d.counts.fell), progress); err != nil {
		return explain(t, err, time.Since(start), d.packets())
	}
	return f.out.Flush()
}

// fixture replaces and writes.
type fixture struct {
	out   *bufio.Writer
	names map[string]string // what was replaced by what
}

func (f *fixture) read(ctx context.Context, w *walker, progress func(string, float64)) error {
	objects := mibs.Objects()
	for i, o := range objects {
		progress("writing a fixture", float64(i)/float64(len(objects)))
		if o.Scalar {
			vars, err := getAll(ctx, w.session, []mibs.Object{o}, w.reject)
			if err != nil {
				return err
			}
			if v, ok := vars[o.OID]; ok {
				f.write(o, &v)
			}
			continue
		}
		if err := w.each(ctx, []mibs.Object{o}, func(o mibs.Object, v *Var) { f.write(o, v) }); err != nil && !errors.Is(err, ErrWalk) {
			return err
		}
	}
	return nil
}

func (f *fixture) write(o mibs.Object, v *Var) {
	oid := strings.TrimPrefix(string(v.OID), ".")
	switch v.Syntax {
	case mibs.OctetString:
		fmt.Fprintf(f.out, "%s|4x|%s\n", oid, hex.EncodeToString(f.text(o, v.Octets)))
	case mibs.ObjectID:
		fmt.Fprintf(f.out, "%s|6|%s\n", oid, strings.TrimPrefix(string(v.Name), "."))
	case mibs.Integer, mibs.Counter32, mibs.Gauge32, mibs.TimeTicks, mibs.Counter64:
		fmt.Fprintf(f.out, "%s|%d|%d\n", oid, int(v.Syntax), v.Uint)
	}
}

// text is what stands for a text of the device.
func (f *fixture) text(o mibs.Object, b []byte) []byte {
	switch o.OID {
	case mibs.IfPhysAddress.OID:
		return f.mac(b)
	case mibs.SysDescr.OID, mibs.SysName.OID, mibs.SysLocation.OID, mibs.IfAlias.OID:
		return []byte(f.replaced(strings.TrimPrefix(strings.ToLower(o.Name), "sys"), string(b)))
	}
	if s := spate.Clean(string(b)); plainName(s) {
		return b
	}
	return []byte(f.replaced("port", string(b)))
}

// replaced gives the same word for the same text, and none for none.
func (f *fixture) replaced(kind, s string) string {
	if s == "" {
		return ""
	}
	if f.names[kind+s] == "" {
		f.names[kind+s] = fmt.Sprintf("%s-%d", kind, len(f.names)+1)
	}
	return f.names[kind+s]
}

// mac keeps the length, and for six octets gives a locally administered address.
func (f *fixture) mac(b []byte) []byte {
	if len(b) != 6 || [6]byte(b) == [6]byte{} {
		return make([]byte, len(b))
	}
	word := f.replaced("mac", string(b))
	var n uint32
	_, _ = fmt.Sscanf(word, "mac-%d", &n) // made above: it fits
	return []byte{2, 0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
}

// plainName tells an interface name that says nothing of its owner: a known kind,
// numbers, and what stands between them.
func plainName(s string) bool {
	for _, word := range strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !(r >= 'a' && r <= 'z') }) {
		if !interfaceWords[word] {
			return false
		}
	}
	return len(s) <= 64
}

// interfaceWords are words of which interface names are made.
var interfaceWords = func() map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(`ethernet fastethernet gigabitethernet tengigabitethernet tengige xgigabitethernet twentyfivegige
		fortygigabitethernet fortygige hundredgige hundredgigabitethernet ten gigabit fast eth et ge gi gig te xe fe fa fo hu twe xge port ports
		trunk trk po channel aggregation bridge eth-trunk ae lag bond team bundle link vlan vl irb bdi vlanif interface if loopback lo null nu
		management mgmt mgmteth ma fxp em me jsrv lsi dsc pime pimd mtun gre ipip tap demux cbp pp pip vtep esi sonet pos serial se
		tunnel tun wan lan unit slot stack in out of on the and backplane cpu console mgnt meth stackport outband inband ethernetmgmt
		ens enp eno enx wlan wifi ath br veth docker dummy sit ppp module subslot xgigabit sfp combo copper fiber fibre tx rx base default level r s v p u t n x g m e a b c d i f l`) {
		out[w] = true
	}
	return out
}()
