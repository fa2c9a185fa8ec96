package config

import (
	"crypto/x509"
	"log/slog"
	"net/netip"
	"text/template"
	"time"

	"spate"
	"spate/poller"
)

// A Config is everything config.toml says, checked, with defaults filled in,
// files named from where the program stands and secrets resolved. Nothing in
// it prints a secret.
type Config struct {
	Files []string // what was read, the main file first

	Log         Log
	Server      Server
	Web         Web
	Storage     Storage
	Poller      poller.Config
	Host        Host
	Credentials map[string]poller.Credentials // [snmp.NAME] by NAME
	Targets     []poller.Target               // [[device]] in the order of the file
	Links       []Link
	Hosts       Hosts
	Detect      Detect
	Thresholds  []Threshold
	Alert       Alert
	Notify      []Notify
	Groups      []Group
	Users       []User
	OIDC        OIDC
	Tokens      []Token
	Flow        Flow
	Syslog      Syslog
	Agent       Agent
}

// Log is [log].
type Log struct {
	Level  slog.Level
	Format string // "text" or "json"
}

// Server is [server].
type Server struct {
	Listen      string // host:port
	BaseURL     string // without a slash at the end; "" means made from Listen
	Location    *time.Location
	TLSCertFile string // both or none
	TLSKeyFile  string
}

// Web is [web].
type Web struct {
	WallAllow []netip.Prefix // networks that see the wall without login
}

// Storage is [storage].
type Storage struct {
	Backend         string // "embedded" or "victoriametrics"
	Path            string
	MinFree         Size // 0 is "auto"
	Budget          Size // 0 is none
	Retention       Retention
	VictoriaMetrics VictoriaMetrics
}

// Retention is [storage.retention], shortest first.
type Retention struct{ Raw, FiveMinutes, Hour time.Duration }

// VictoriaMetrics is [storage.victoriametrics] with one pair of URLs for each tier.
type VictoriaMetrics struct {
	Raw, FiveMinutes, Hour URLPair
	Token                  spate.Secret // sent as a bearer instead of the URLs' user and password
	QueueMaxBytes          Size
	QueueMaxAge            time.Duration
}

// A URLPair is where one tier is written to and read from. Either URL may carry
// a password, so it is a secret.
type URLPair struct{ Write, Read spate.Secret }

// Host is [host].
type Host struct{ Enabled bool }

// A Link is one [[link]].
type Link struct{ A, B spate.PortID }

// Hosts is [hosts].
type Hosts struct {
	CSV        string
	ReverseDNS bool
}

// Detect is [detect].
type Detect struct {
	FloorPercent, PagePercent float64
	CloseAfter                time.Duration
}

// A Severity is how loud something is told.
type Severity string

// Severities, loudest first.
const (
	Critical Severity = "critical"
	Warning  Severity = "warning"
	Info     Severity = "info"
)

// Utilisation is the metric of a threshold in percent of the port's speed.
const Utilisation = "utilisation"

// A Threshold is one [[threshold]].
type Threshold struct {
	Ports    []PortGlob
	Metric   string  // the name of a spate.Metric, or Utilisation
	Above    float64 // in the metric's unit; percent for Utilisation
	For      time.Duration
	Severity Severity
}

// Alert is [alert].
type Alert struct {
	HeartbeatURL      spate.Secret // such URLs name their owner
	HeartbeatInterval time.Duration
}

// A Notify is one [[notify]]; which of the fields mean something depends on Type.
type Notify struct {
	Name          string
	Type          string // email, slack, webhook, alertmanager or pagerduty
	Severities    []Severity
	Reminder      time.Duration // 0 is never
	Escalate      []Escalation
	Quiet         []ClockRange
	Fallback      string
	AllowNetworks []netip.Prefix
	Roots         *x509.CertPool // of ca_file; nil: the system's

	SMTP, TLS, Username string // email
	Password            spate.Secret
	From                string
	To                  []string

	Token      spate.Secret // slack
	Channel    string
	WebhookURL spate.Secret
	APIURL     string

	URL        spate.Secret // webhook, alertmanager, pagerduty
	Secret     spate.Secret // webhook
	Template   *template.Template
	MediaType  string       // of the template's text
	RoutingKey spate.Secret // pagerduty
}

// An Escalation tells another after so long without an acknowledgement.
type Escalation struct {
	After time.Duration
	To    string
}

// A ClockRange is a part of the day, from midnight in the server's zone. It
// goes over midnight where To is not after From.
type ClockRange struct{ From, To time.Duration }

// A Group is one [[group]].
type Group struct {
	Name  string
	Ports []PortGlob
}

// A Role is what somebody may do.
type Role string

// Roles, each with the rights of the one before.
const (
	Viewer   Role = "viewer"
	Operator Role = "operator"
	Admin    Role = "admin"
	Pusher   Role = "agent" // of tokens: spate agent on a machine
)

// A User is one [[user]]. Without a hash the user can only come in by OIDC.
type User struct {
	Name         string
	Role         Role
	PasswordHash spate.Secret // argon2id in its usual $ form
}

// OIDC is [oidc]; off where Issuer is empty.
type OIDC struct {
	Issuer, ClientID string
	ClientSecret     spate.Secret
}

// A Token is one [[token]], known by its SHA-256 only.
type Token struct {
	Name    string
	Role    Role
	SHA256  [32]byte
	Devices []string // globs; empty: all
	Sites   []string // empty: all
}

// Flow is [flow]; a collector without an address is off.
type Flow struct{ SFlow, NetFlow string }

// Syslog is [syslog]; off where Listen is empty.
type Syslog struct{ Listen string }

// Agent is [agent], read by `spate agent`.
type Agent struct {
	URL          string
	Token        spate.Secret
	Spool        string
	CAFile       string
	PlainHTTP    bool
	Host         string // empty: the host name up to the first dot
	Backend      string
	CounterFiles []string
	Speed        map[string]spate.BitRate // by interface, where the driver does not know
	Listen       string
	Interval     time.Duration
}

// Default is what an empty config.toml means, but for the folder the data
// lives in, which is beside the file.
func Default() *Config {
	return &Config{
		Agent:  Agent{Backend: "auto", CounterFiles: []string{}, Speed: map[string]spate.BitRate{}, Interval: 10 * time.Second},
		Log:    Log{Level: slog.LevelInfo, Format: "text"},
		Server: Server{Listen: "127.0.0.1:8080", Location: time.Local},
		Web:    Web{WallAllow: []netip.Prefix{}},
		Storage: Storage{
			Backend:         "embedded",
			Path:            "data",
			Retention:       Retention{Raw: 35 * Day, FiveMinutes: 2 * Year, Hour: 10 * Year},
			VictoriaMetrics: VictoriaMetrics{QueueMaxBytes: 1 << 30, QueueMaxAge: 2 * Day},
		},
		Poller:      poller.DefaultConfig(),
		Host:        Host{Enabled: true},
		Credentials: map[string]poller.Credentials{"default": defaultCredentials()},
		Detect:      Detect{FloorPercent: 2, PagePercent: 20, CloseAfter: 15 * time.Minute},
		Alert:       Alert{HeartbeatInterval: time.Minute},
	}
}

func defaultCredentials() poller.Credentials {
	return poller.Credentials{Name: "default", Version: poller.V2c, Community: "public"}
}
