package config

import (
	"crypto/tls"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
	_ "time/tzdata" // a static binary on a machine without a zone database

	"spate"
	"spate/host"
)

// config reads the whole tree; it is the table of contents of config.toml.
func (r *reader) config(root *node) *Config {
	c := Default()
	c.Storage.Path = beside(root.at.File, c.Storage.Path)
	s := &scope{reader: r, at: root.at, node: root, seen: map[string]bool{}}
	s.get("include") // read already, see includes.wanted
	s.table("log", func(t *scope) { t.log(&c.Log) })
	s.table("web", func(t *scope) { readList(t, "wall_allow", &c.Web.WallAllow, asNetwork) })
	s.table("storage", func(t *scope) { t.storage(&c.Storage) })
	s.table("poller", func(t *scope) {
		read(t, "interval", &c.Poller.Interval, asDuration, between(time.Second, Day))
		read(t, "timeout", &c.Poller.Timeout, asDuration, between(10*time.Millisecond, time.Minute))
		read(t, "retries", &c.Poller.Retries, asInt, within(0, 10))
		read(t, "keep_removed", &c.Poller.KeepRemoved, asDuration)
	})
	s.table("host", func(t *scope) { read(t, "enabled", &c.Host.Enabled, asBool) })
	s.devices(c)
	s.table("hosts", func(t *scope) { t.hosts(&c.Hosts) })
	s.table("detect", func(t *scope) { t.detect(&c.Detect) })
	s.tables("threshold", func(t *scope) { c.Thresholds = append(c.Thresholds, t.threshold()) })
	s.table("alert", func(t *scope) {
		t.secretURL("heartbeat_url", &c.Alert.HeartbeatURL)
		read(t, "heartbeat_interval", &c.Alert.HeartbeatInterval, asDuration, between(10*time.Second, Day))
	})
	s.notifiers(&c.Notify)
	s.groups(&c.Groups)
	s.access(c)
	s.table("server", func(t *scope) { t.server(c) })
	s.table("flow", func(t *scope) {
		read(t, "sflow", &c.Flow.SFlow, orEmpty(asListen))
		read(t, "netflow", &c.Flow.NetFlow, orEmpty(asListen))
	})
	s.table("syslog", func(t *scope) { read(t, "listen", &c.Syslog.Listen, orEmpty(asListen)) })
	s.table("agent", func(t *scope) { t.agent(&c.Agent) })
	s.end()
	return c
}

func (s *scope) log(l *Log) {
	level := "info"
	read(s, "level", &level, asText, oneOf("debug", "info", "warn", "error"))
	_ = l.Level.UnmarshalText([]byte(level)) // oneOf let only words through that it knows
	read(s, "format", &l.Format, asText, oneOf("text", "json"))
}

func (s *scope) server(c *Config) {
	srv := &c.Server
	read(s, "listen", &srv.Listen, asListen)
	read(s, "base_url", &srv.BaseURL, orEmpty(asURL), plainURL)
	srv.BaseURL = strings.TrimSuffix(srv.BaseURL, "/")
	read(s, "timezone", &srv.Location, asLocation)
	s.filePath("tls_cert_file", &srv.TLSCertFile)
	s.filePath("tls_key_file", &srv.TLSKeyFile)
	s.certificate()
	if !loopback(srv.Listen) && len(c.Tokens) == 0 && len(c.Users) == 0 && c.OIDC.Issuer == "" {
		s.wrong("listen", quoted(srv.Listen)+" is open to the network while nobody has to log in",
			"a [[token]], a [[user]] or [oidc], or a loopback address such as \"127.0.0.1:8080\"")
	}
}

// certificate checks that the pair can be served, as far as it is given.
func (s *scope) certificate() {
	if !s.has("tls_cert_file") && !s.has("tls_key_file") {
		return
	}
	if !s.need("tls_cert_file", "the certificate of tls_key_file") || !s.need("tls_key_file", "the key of tls_cert_file") {
		return
	}
	certNode := s.get("tls_cert_file")
	if certNode.kind != kindText {
		return // told already
	}
	path, c := s.expand(certNode)
	cert, _, err := s.ReadFile(path, largestSecret)
	key, private := s.readPrivate("tls_key_file")
	switch {
	case !c.ok():
	case err != nil:
		s.wrong("tls_cert_file", "cannot be read: "+reason(path, err), "a file that Spate may read")
	case private:
		if _, err := tls.X509KeyPair(cert, key); err != nil {
			s.wrong("tls_cert_file", "does not go with tls_key_file: "+err.Error(), "a certificate chain and its key in PEM form")
		}
	}
}

func plainURL(text string) complaint {
	if u, err := url.Parse(text); text != "" && err == nil && (u.RawQuery != "" || u.Fragment != "" || u.User != nil) {
		return complaint{"has more than a host and a path", `one such as "https://noc.example.net"`}
	}
	return complaint{}
}

func asLocation(n *node) (*time.Location, complaint) {
	const wanted = `"Local", "UTC" or a name such as "Europe/Berlin"`
	text, c := asText(n)
	if !c.ok() {
		return nil, c
	}
	loc, err := time.LoadLocation(text)
	if err != nil || text == "" {
		return nil, complaint{quoted(text) + " is no known time zone", wanted}
	}
	return loc, complaint{}
}

func (s *scope) storage(st *Storage) {
	read(s, "backend", &st.Backend, asText, oneOf("embedded", "victoriametrics"))
	s.filePath("path", &st.Path)
	read(s, "min_free", &st.MinFree, orAuto)
	read(s, "budget", &st.Budget, orEmpty(asSize))
	s.table("retention", func(t *scope) { t.retention(&st.Retention) })
	s.table("victoriametrics", func(t *scope) { t.victoriametrics(&st.VictoriaMetrics, st.Backend) })
}

func orAuto(n *node) (Size, complaint) {
	if n.kind == kindText && n.text == "auto" {
		return 0, complaint{}
	}
	v, c := asSize(n)
	if !c.ok() {
		c.wanted = `"auto" or ` + c.wanted
	}
	return v, c
}

func (s *scope) retention(r *Retention) {
	bounds := between(Day, 100*Year)
	read(s, "raw", &r.Raw, asDuration, bounds)
	read(s, "five_minutes", &r.FiveMinutes, asDuration, bounds)
	read(s, "hour", &r.Hour, asDuration, bounds)
	if r.FiveMinutes < r.Raw {
		s.wrong("five_minutes", FormatDuration(r.FiveMinutes)+" is shorter than raw", "at least "+FormatDuration(r.Raw))
	}
	if r.Hour < r.FiveMinutes {
		s.wrong("hour", FormatDuration(r.Hour)+" is shorter than five_minutes", "at least "+FormatDuration(r.FiveMinutes))
	}
}

func (s *scope) victoriametrics(vm *VictoriaMetrics, backend string) {
	var all URLPair
	s.urlPair(&all)
	missing := false
	tier := func(name string, p *URLPair) {
		*p = all
		s.table(name, func(t *scope) { t.urlPair(p) })
		missing = missing || p.Write == "" || p.Read == ""
	}
	tier("raw", &vm.Raw)
	tier("five_minutes", &vm.FiveMinutes)
	tier("hour", &vm.Hour)
	if missing && backend == "victoriametrics" {
		for _, key := range []string{"write_url", "read_url"} {
			s.need(key, `the URL of your VictoriaMetrics, or storage.backend = "embedded"`)
		}
	}
	s.secret("token", &vm.Token)
	read(s, "queue_max_bytes", &vm.QueueMaxBytes, asSize)
	read(s, "queue_max_age", &vm.QueueMaxAge, asDuration, between(time.Minute, Year))
}

func (s *scope) urlPair(p *URLPair) {
	s.secretURL("write_url", &p.Write)
	s.secretURL("read_url", &p.Read)
}

func (s *scope) hosts(h *Hosts) {
	s.filePath("csv", &h.CSV)
	if h.CSV != "" {
		if info, err := os.Stat(h.CSV); err != nil {
			s.wrong("csv", "cannot be read: "+reason(h.CSV, err), "a file of mac-or-ip,name[,customer]")
		} else if info.IsDir() {
			s.wrong("csv", printable(h.CSV)+" is a folder", "a file of mac-or-ip,name[,customer]")
		}
	}
	read(s, "reverse_dns", &h.ReverseDNS, asBool)
}

func (s *scope) detect(d *Detect) {
	read(s, "floor_percent", &d.FloorPercent, asFloat, percent)
	read(s, "page_percent", &d.PagePercent, asFloat, percent)
	if d.PagePercent < d.FloorPercent {
		s.wrong("page_percent", "is below floor_percent: what is no excess cannot be told to people", "at least floor_percent")
	}
	read(s, "close_after", &d.CloseAfter, asDuration, between(time.Second, 30*Day))
}

func (s *scope) threshold() Threshold {
	th := Threshold{For: time.Minute, Severity: Warning}
	s.portGlobs(&th.Ports)
	if s.need("metric", `a metric such as "out_bps", or "utilisation"`) {
		read(s, "metric", &th.Metric, asText, isMetric)
	}
	if s.need("above", `a limit such as "9G"`) {
		read(s, "above", &th.Above, asLimit, above(th.Metric))
	}
	read(s, "for", &th.For, asDuration, between(0, 30*Day))
	read(s, "severity", &th.Severity, asSeverity)
	return th
}

func isMetric(name string) complaint {
	if _, known := spate.ParseMetric(name); known || name == Utilisation {
		return complaint{}
	}
	var names []string
	for m := range spate.NumMetrics {
		names = append(names, m.String())
	}
	names = append(names, Utilisation)
	return complaint{quoted(name) + " is no metric", nearest(name, names)}
}

// asLimit is a number, bare or as "9G" or "90%".
func asLimit(n *node) (float64, complaint) {
	if n.kind != kindText {
		return asFloat(n)
	}
	v, err := parseSI(strings.TrimSuffix(n.text, "%"))
	if err != nil {
		return 0, complaint{quoted(n.text) + " is no limit", `a number such as "9G" or 90`}
	}
	return v, complaint{}
}

func above(metric string) func(float64) complaint {
	return func(v float64) complaint {
		if metric == Utilisation {
			return percent(v)
		}
		if !(v > 0) || math.IsInf(v, 0) {
			return complaint{"is not above 0", "a limit above 0"}
		}
		return complaint{}
	}
}

func asSeverity(n *node) (Severity, complaint) {
	text, c := asText(n)
	if c.ok() {
		c = oneOf(string(Critical), string(Warning), string(Info))(text)
	}
	return Severity(text), c
}

func (s *scope) groups(out *[]Group) {
	names := register{}
	s.tables("group", func(t *scope) {
		var g Group
		if t.need("name", "a name") {
			read(t, "name", &g.Name, asName)
			names.enter(t, "name", g.Name)
		}
		t.portGlobs(&g.Ports)
		*out = append(*out, g)
	})
}

func (s *scope) portGlobs(dst *[]PortGlob) {
	const wanted = `["device-glob ifName-glob"]`
	if !s.need("ports", wanted) {
		return
	}
	if n := s.get("ports"); n.kind == kindList && len(n.items) == 0 {
		s.wrong("ports", "is empty", wanted)
	}
	readList(s, "ports", dst, asPortGlob)
}

func (s *scope) agent(a *Agent) {
	read(s, "url", &a.URL, orEmpty(asURL), plainURL)
	s.secret("token", &a.Token)
	s.filePath("spool", &a.Spool)
	s.filePath("ca_file", &a.CAFile)
	read(s, "plain_http", &a.PlainHTTP, asBool)
	read(s, "host", &a.Host, orEmpty(asText), func(name string) complaint {
		if name != "" && !spate.ValidDevice(name) {
			return complaint{quoted(name) + " is no name of a machine", "letters, digits, and . _ - between them, at most 63"}
		}
		return complaint{}
	})
	read(s, "backend", &a.Backend, asText, oneOf(host.Backends...))
	readList(s, "counter_files", &a.CounterFiles, asText, func(name string) complaint {
		if !filepath.IsAbs(name) {
			return complaint{quoted(name) + " is no absolute path", "such as \"/var/lib/spate-counters/rules\""}
		}
		return complaint{}
	})
	s.speeds(&a.Speed)
	read(s, "listen", &a.Listen, orEmpty(asListen), func(address string) complaint {
		if address != "" && !loopback(address) {
			return complaint{quoted(address) + " is open to the network", "a loopback address such as \"127.0.0.1:9217\""}
		}
		return complaint{}
	})
	read(s, "interval", &a.Interval, asDuration, between(time.Second, time.Hour))
}
