package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spate/cmd/spate/config"
)

// A broken file is the text of c.toml beside other files; want is the whole
// message, without the folder.
type broken struct {
	name  string
	text  string
	files map[string]string // path to text; a mode may stand before it as "0644 "
	want  string
}

const device = "[[device]]\nname = \"a\"\naddress = \"192.0.2.1\"\n"
const toSlack = "[[notify]]\nname = \"noc\"\ntype = \"slack\"\nchannel = \"#noc\"\ntoken = \"xoxb-1\"\n"

func brokenSyntax() []broken {
	return []broken{
		{name: "no value", text: "[poller]\ninterval =\n", want: "c.toml:2:11: syntax: unexpected character U+000A at start of value, wanted valid TOML"},
		{name: "no equals sign", text: "[poller]\ninterval \"10s\"\n", want: "c.toml:2:10: syntax: expected '=' after key, wanted valid TOML"},
		{name: "unquoted duration", text: "[poller]\ninterval = 10s\n", want: "c.toml:2:14: syntax: strings must be quoted, wanted valid TOML"},
		{name: "string without an end", text: "[poller]\ninterval = \"10s\n", want: "c.toml:2:16: syntax: basic strings cannot have new lines, wanted valid TOML"},
		{name: "table without an end", text: "[poller\ninterval = \"10s\"\n", want: "c.toml:1:8: syntax: expected ']' to close table name, wanted valid TOML"},
		{name: "a syntax error stands alone", text: "[pollr]\nintervall = 5\n[log\n", want: "c.toml:3:5: syntax: expected ']' to close table name, wanted valid TOML"},
		{name: "NUL bytes", text: "[log]\n\x00\x00\x00\n", want: "c.toml:2:1: syntax: invalid character at start of key: U+0000, wanted valid TOML"},
		{name: "UTF-16 from a Windows editor", text: "\xff\xfe[\x00l\x00", want: "c.toml:1:1: syntax: is UTF-16, wanted UTF-8"},
		{name: "Latin-1 umlaut", text: "[[device]]\nname = \"a\"\nsite = \"K\xf6ln\"\n", want: "c.toml:3:10: syntax: is not UTF-8, wanted UTF-8"},
		{name: "impossible date", text: "[log]\nlevel = 2026-13-45\n", want: "c.toml:2:14: syntax: impossible date, wanted valid TOML"},
		{name: "JSON instead of TOML", text: "{\"poller\": {}}\n", want: "c.toml:1:1: syntax: invalid character at start of key: U+007B '{', wanted valid TOML"},
		{name: "Windows line ends keep their lines", text: "[poller]\r\nintervall = \"5s\"\r\n", want: "c.toml:2:1: poller.intervall: unknown key, wanted poller.interval"},
		{name: "byte order mark keeps its column", text: "\xef\xbb\xbfintervall = \"5s\"\n", want: "c.toml:1:1: intervall: unknown key, wanted agent.interval, device.interval or poller.interval"},
		{name: "arrays nested deeply", text: "[web]\nwall_allow = " + strings.Repeat("[", 500) + strings.Repeat("]", 500) + "\n", want: "c.toml:2:1: web.wall_allow: nested more than 32 deep, wanted a value of the reference\nc.toml:2:1: web.wall_allow: is an array, wanted a string in quotes"},
		{name: "arrays nested beyond reason", text: "a = " + strings.Repeat("[", 20000), want: "c.toml:1:10005: syntax: arrays and inline tables are nested more than the maximum of 10000 levels deep, wanted valid TOML"},
		{name: "keys nested deeply", text: strings.Repeat("a.", 100) + "b = 1\n", want: "c.toml:1:1: a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.…: nested too deep, wanted a key of the reference"},
		{name: "key given twice", text: "[poller]\ninterval = \"5s\"\ninterval = \"6s\"\n", want: "c.toml:3:1: poller.interval: given twice, first at 2:1, wanted it once"},
		{name: "section given twice", text: "[poller]\nretries = 1\n[poller]\nretrys = 2\n", want: "c.toml:3:1: poller: given twice, first at 1:1, wanted it once\nc.toml:4:1: poller.retrys: unknown key, wanted poller.retries"},
	}
}

func brokenKeys() []broken {
	return []broken{
		{name: "misspelt key", text: "[poller]\n\nintervall = \"10s\"\n", want: "c.toml:3:1: poller.intervall: unknown key, wanted poller.interval"},
		{name: "misspelt section", text: "[pollr]\ninterval = \"10s\"\n", want: "c.toml:1:1: pollr: unknown key, wanted poller"},
		{name: "key in no section", text: "interval = \"10s\"\n", want: "c.toml:1:1: interval: unknown key, wanted agent.interval, device.interval or poller.interval"},
		{name: "key in the wrong section", text: "[log]\nmin_free = \"1GB\"\n", want: "c.toml:2:1: log.min_free: unknown key, wanted storage.min_free"},
		{name: "key like no other", text: "[host]\nzzzzzzzz = 1\n", want: "c.toml:2:1: host.zzzzzzzz: unknown key, wanted one of enabled"},
		{name: "key of a named credential", text: "[snmp.core]\ncomunity = \"x\"\n", want: "c.toml:1:1: snmp.core.community: missing, wanted community or community_file for version 2c\nc.toml:2:1: snmp.core.comunity: unknown key, wanted snmp.core.community"},
		{name: "key that would move the cursor", text: "\"\\u001b[2J\" = 1\n", want: "c.toml:1:1: \"\\x1b[2J\": unknown key, wanted a key of the reference"},
		{name: "misspelt list of tables, twice", text: "[[devise]]\n[[devise]]\n", want: "c.toml:1:1: devise: unknown key, wanted device\nc.toml:2:1: devise: unknown key, wanted device"},
		{name: "every error at once", text: "[poller]\ninterval = 10\nretrys = 2\n[host]\nenabled = \"yes\"\n[nonsense]\n", want: "c.toml:2:12: poller.interval: is an integer (10), wanted a duration such as \"10s\" (ms s m h d w y)\nc.toml:3:1: poller.retrys: unknown key, wanted poller.retries\nc.toml:5:11: host.enabled: is a string, wanted true or false\nc.toml:6:1: nonsense: unknown key, wanted a key of the reference"},
		{name: "section as a value", text: "poller = \"10s\"\n", want: "c.toml:1:10: poller: is a string, wanted a table: [poller]"},
		{name: "device as one table", text: "[device]\nname = \"a\"\n", want: "c.toml:1:1: device: is a table, wanted a list of tables: [[device]]"},
		{name: "section as a list", text: "[[poller]]\ninterval = \"10s\"\n", want: "c.toml:1:1: poller: is a list of tables, wanted a table: [poller]"},
	}
}

func brokenValues() []broken {
	return []broken{
		{name: "duration without a unit", text: "[poller]\ninterval = \"10\"\n", want: "c.toml:2:12: poller.interval: \"10\" is no duration, wanted a duration such as \"10s\" (ms s m h d w y)"},
		{name: "interval below a second", text: "[poller]\ninterval = \"500ms\"\n", want: "c.toml:2:12: poller.interval: 500ms is out of range, wanted 1s to 1d"},
		{name: "negative duration", text: "[poller]\ntimeout = \"-2s\"\n", want: "c.toml:2:11: poller.timeout: \"-2s\" is no duration, wanted a duration such as \"10s\" (ms s m h d w y)"},
		{name: "duration past the end of time", text: "[poller]\nkeep_removed = \"300y\"\n", want: "c.toml:2:16: poller.keep_removed: \"300y\" is no duration, wanted a duration such as \"10s\" (ms s m h d w y)"},
		{name: "too many retries", text: "[poller]\nretries = 99\n", want: "c.toml:2:11: poller.retries: 99 is out of range, wanted 0 to 10"},
		{name: "retries beyond 64 bits", text: "[poller]\nretries = 99999999999999999999\n", want: "c.toml:2:11: syntax: decimal number is too large to fit in a 64-bit signed integer, wanted valid TOML"},
		{name: "size without a unit", text: "[storage]\nbudget = \"100\"\n", want: "c.toml:2:10: storage.budget: \"100\" is no size, wanted a size such as \"100GB\" or \"1GiB\""},
		{name: "free space that is no size", text: "[storage]\nmin_free = \"some\"\n", want: "c.toml:2:12: storage.min_free: \"some\" is no size, wanted \"auto\" or a size such as \"100GB\" or \"1GiB\""},
		{name: "unknown backend", text: "[storage]\nbackend = \"influx\"\n", want: "c.toml:2:11: storage.backend: \"influx\" is not known, wanted embedded or victoriametrics"},
		{name: "backend without its URLs", text: "[storage]\nbackend = \"victoriametrics\"\n", want: "c.toml:1:1: storage.victoriametrics.write_url: missing, wanted the URL of your VictoriaMetrics, or storage.backend = \"embedded\"\nc.toml:1:1: storage.victoriametrics.read_url: missing, wanted the URL of your VictoriaMetrics, or storage.backend = \"embedded\""},
		{name: "coarse tier kept shorter than a fine one", text: "[storage.retention]\nraw = \"90d\"\nfive_minutes = \"60d\"\n", want: "c.toml:3:16: storage.retention.five_minutes: 60d is shorter than raw, wanted at least 90d"},
		{name: "raw kept longer than the default of the next", text: "[storage.retention]\nraw = \"3y\"\n", want: "c.toml:1:1: storage.retention.five_minutes: 2y is shorter than raw, wanted at least 3y"},
		{name: "listen address without a port", text: "[server]\nlisten = \"127.0.0.1\"\n", want: "c.toml:2:10: server.listen: \"127.0.0.1\" is no address to listen on, wanted host:port or :port, such as \"127.0.0.1:8080\""},
		{name: "port beyond 65535", text: "[flow]\nsflow = \":66343\"\n", want: "c.toml:2:9: flow.sflow: \":66343\" is no address to listen on, wanted host:port or :port, such as \"127.0.0.1:8080\""},
		{name: "open to the network without a login", text: "[server]\nlisten = \":8080\"\n", want: "c.toml:2:10: server.listen: \":8080\" is open to the network while nobody has to log in, wanted a [[token]], a [[user]] or [oidc], or a loopback address such as \"127.0.0.1:8080\""},
		{name: "unknown time zone", text: "[server]\ntimezone = \"Europe/Bärlin\"\n", want: "c.toml:2:12: server.timezone: \"Europe/Bärlin\" is no known time zone, wanted \"Local\", \"UTC\" or a name such as \"Europe/Berlin\""},
		{name: "time zone outside the zone database", text: "[server]\ntimezone = \"../../etc/passwd\"\n", want: "c.toml:2:12: server.timezone: \"../../etc/passwd\" is no known time zone, wanted \"Local\", \"UTC\" or a name such as \"Europe/Berlin\""},
		{name: "base_url without a scheme", text: "[server]\nbase_url = \"noc.example.net\"\n", want: "c.toml:2:12: server.base_url: has the scheme \"\", wanted http://… or https://…"},
		{name: "key without its certificate", text: "[server]\ntls_key_file = \"k.pem\"\n", want: "c.toml:1:1: server.tls_cert_file: missing, wanted the certificate of tls_key_file"},
		{name: "certificate that is none", text: "[server]\ntls_cert_file = \"c.pem\"\ntls_key_file = \"k.pem\"\n", files: map[string]string{"c.pem": "0644 hello", "k.pem": "0600 hello"}, want: "c.toml:2:17: server.tls_cert_file: does not go with tls_key_file: tls: failed to find any PEM data in certificate input, wanted a certificate chain and its key in PEM form"},
		{name: "bad CIDR", text: "[web]\nwall_allow = [\"10.0.0.0/33\", \"10.0.0.1\", \"10.0.0.1/8\"]\n", want: "c.toml:2:15: web.wall_allow: \"10.0.0.0/33\" is no network, wanted a network such as \"192.0.2.0/24\"\nc.toml:2:30: web.wall_allow: \"10.0.0.1\" is an address, wanted \"10.0.0.1/32\"\nc.toml:2:42: web.wall_allow: \"10.0.0.1/8\" has bits set behind the mask, wanted \"10.0.0.0/8\""},
		{name: "networks not in an array", text: "[web]\nwall_allow = \"10.0.0.0/8\"\n", want: "c.toml:2:14: web.wall_allow: is a string, wanted an array: [\"…\"]"},
		{name: "log level of another program", text: "[log]\nlevel = \"trace\"\n", want: "c.toml:2:9: log.level: \"trace\" is not known, wanted debug, info, warn or error"},
		{name: "percentages out of range", text: "[detect]\nfloor_percent = 0\npage_percent = 120.5\n", want: "c.toml:2:17: detect.floor_percent: 0 is no percentage, wanted more than 0, at most 100\nc.toml:3:16: detect.page_percent: 120.5 is no percentage, wanted more than 0, at most 100"},
		{name: "page below the floor", text: "[detect]\nfloor_percent = 50\n", want: "c.toml:1:1: detect.page_percent: is below floor_percent: what is no excess cannot be told to people, wanted at least floor_percent"},
		{name: "percentage that is no number", text: "[detect]\nfloor_percent = nan\n", want: "c.toml:2:17: detect.floor_percent: NaN is no percentage, wanted more than 0, at most 100"},
		{name: "hosts file that is not there", text: "[hosts]\ncsv = \"hosts.csv\"\n", want: "c.toml:2:7: hosts.csv: cannot be read: hosts.csv: no such file or directory, wanted a file of mac-or-ip,name[,customer]"},
	}
}

func brokenDevices() []broken {
	return []broken{
		{name: "duplicate device name", text: device + device, want: "c.toml:5:8: device.name: \"a\" is taken, first at 2:8, wanted a name of its own"},
		{name: "device names that differ in case", text: device + "[[device]]\nname = \"A\"\naddress = \"192.0.2.2\"\n", want: "c.toml:5:8: device.name: \"A\" differs only in case from \"a\" at 2:8, wanted a name of its own"},
		{name: "device without a name and an address", text: "[[device]]\nsite = \"x\"\n", want: "c.toml:1:1: device.name: missing, wanted a name of its own\nc.toml:1:1: device.address: missing, wanted host, host:port or [v6]:port"},
		{name: "device name with a space", text: "[[device]]\nname = \"sw 1\"\naddress = \"192.0.2.1\"\n", want: "c.toml:2:8: device.name: \"sw 1\" is no name, wanted letters, digits, . _ and -, 63 at most, a letter or digit first"},
		{name: "device named as this machine", text: "[[device]]\nname = \"noc1\"\naddress = \"192.0.2.1\"\n", want: "c.toml:2:8: device.name: \"noc1\" is this machine's own name, wanted another name, or host.enabled = false"},
		{name: "address with a mistyped octet", text: "[[device]]\nname = \"a\"\naddress = \"192.0.2.300\"\n", want: "c.toml:3:11: device.address: \"192.0.2.300\" is no address, wanted host, host:port or [v6]:port"},
		{name: "address that is a URL", text: "[[device]]\nname = \"a\"\naddress = \"http://sw1/\"\n", want: "c.toml:3:11: device.address: \"http://sw1/\" is no address, wanted host, host:port or [v6]:port"},
		{name: "address of nobody", text: "[[device]]\nname = \"a\"\naddress = \"0.0.0.0\"\n", want: "c.toml:3:11: device.address: \"0.0.0.0\" is not the address of one device, wanted a unicast address"},
		{name: "credentials that are not there", text: device + "snmp = \"cor\"\n[snmp.core]\ncommunity = \"x\"\n", want: "c.toml:4:8: device.snmp: \"cor\" is not there, wanted core, or [snmp.cor] added"},
		{name: "device interval below a second", text: device + "interval = \"10ms\"\n", want: "c.toml:4:12: device.interval: 10ms is out of range, wanted 1s to 1d"},
		{name: "empty port pattern", text: device + "ports = [\"Gi*\", \"\"]\nexternal = [3]\n", want: "c.toml:4:17: device.ports: is empty, wanted an ifName or a pattern such as \"Gi1/0/*\"\nc.toml:5:13: device.external: is an integer (3), wanted a string in quotes"},
		{name: "speed in milli", text: device + "speed = { \"Gi1/0/9\" = \"100m\" }\n", want: "c.toml:4:23: device.speed.\"Gi1/0/9\": \"100m\" is no speed, wanted bits per second such as \"100M\" or \"9G\""},
		{name: "speed as a value", text: device + "speed = \"100M\"\n", want: "c.toml:4:9: device.speed: is a string, wanted a table such as { \"Gi1/0/9\" = \"100M\" }"},
		{name: "link to a device that is not there", text: device + "[[link]]\na = \"a Te1/1\"\nb = \"bb Te1/1\"\n", want: "c.toml:6:5: link.b: device \"bb\" is not configured, wanted a [[device]] of that name"},
		{name: "link without a port", text: device + "[[link]]\na = \"a\"\nb = \"a Te1/1\"\n", want: "c.toml:5:5: link.a: \"a\" does not name a device and a port, wanted \"device ifName\" such as \"sw-acc-1 Te1/1\""},
		{name: "link from a port to itself", text: device + "[[link]]\na = \"a Te1/1\"\nb = \"a Te1/1\"\n", want: "c.toml:6:5: link.b: is the same port as a, wanted the other end"},
		{name: "unknown SNMP version", text: "[snmp.default]\nversion = \"2\"\n", want: "c.toml:2:11: snmp.default.version: \"2\" is not known, wanted 1, 2c or 3"},
		{name: "version as a number", text: "[snmp.default]\nversion = 3\n", want: "c.toml:2:11: snmp.default.version: is an integer (3), wanted a string in quotes"},
		{name: "v3 without a user", text: "[snmp.core]\nversion = \"3\"\n", want: "c.toml:1:1: snmp.core.user: missing, wanted the user's name on the device"},
		{name: "v3 with a community", text: "[snmp.core]\nversion = \"3\"\nuser = \"u\"\ncommunity = \"x\"\n", want: "c.toml:4:13: snmp.core.community: is not for version 3, wanted user, auth_protocol and priv_protocol"},
		{name: "v2c with a user", text: "[snmp.core]\ncommunity = \"x\"\nuser = \"u\"\n", want: "c.toml:3:8: snmp.core.user: is for version 3 only, wanted version = \"3\", or this key removed"},
		{name: "privacy without authentication", text: "[snmp.core]\nversion = \"3\"\nuser = \"u\"\npriv_protocol = \"AES\"\npriv_password = \"longenough\"\n", want: "c.toml:4:17: snmp.core.priv_protocol: encrypts without proving who asks, which SNMPv3 does not have, wanted auth_protocol too"},
		{name: "protocol without a password", text: "[snmp.core]\nversion = \"3\"\nuser = \"u\"\nauth_protocol = \"SHA256\"\nauth_password_file = \"\"\n", want: "c.toml:4:17: snmp.core.auth_protocol: needs a password, wanted auth_password or auth_password_file"},
		{name: "password of seven characters", text: "[snmp.core]\nversion = \"3\"\nuser = \"u\"\nauth_protocol = \"SHA\"\nauth_password = \"sevench\"\n", want: "c.toml:5:17: snmp.core.auth_password: is shorter than 8 characters, wanted 8 or more (RFC 3414, section 11.2)"},
		{name: "unknown protocol", text: "[snmp.core]\nversion = \"3\"\nuser = \"u\"\nauth_protocol = \"SHA1\"\nauth_password = \"longenough\"\n", want: "c.toml:4:17: snmp.core.auth_protocol: \"SHA1\" is not known, wanted \"\", MD5, SHA, SHA224, SHA256, SHA384 or SHA512"},
	}
}

func brokenSecrets() []broken {
	return []broken{
		{name: "environment variable not set", text: "[snmp.default]\ncommunity = \"${NO_SUCH}\"\n", want: "c.toml:2:13: snmp.default.community: environment variable NO_SUCH is not set, wanted it set, or snmp.default.community_file"},
		{name: "environment variable empty", text: "[snmp.default]\ncommunity = \"${EMPTY}\"\n", want: "c.toml:2:13: snmp.default.community: environment variable EMPTY is empty, wanted it set, or snmp.default.community_file"},
		{name: "environment variable inside a text", text: "[snmp.default]\ncommunity = \"x${SECRET}\"\n", want: "c.toml:2:13: snmp.default.community: has \"${\" in it, wanted \"${NAME}\" alone, or the secret in snmp.default.community_file"},
		{name: "secret file that is not there", text: "[snmp.default]\ncommunity_file = \"nope\"\n", want: "c.toml:2:18: snmp.default.community_file: cannot be read: nope: no such file or directory, wanted a file that Spate may read"},
		{name: "secret file that everyone may read", text: "[snmp.default]\ncommunity_file = \"open file\"\n", files: map[string]string{"open file": "0644 hunter2\n"}, want: "c.toml:2:18: snmp.default.community_file: open file is readable by everyone (mode 0644), wanted it private, run: chmod o-r 'open file'"},
		{name: "secret file with nothing in it", text: "[snmp.default]\ncommunity_file = \"void\"\n", files: map[string]string{"void": "0600 \n"}, want: "c.toml:2:18: snmp.default.community_file: is empty: void, wanted a file with the secret in it"},
		{name: "secret file with more than a secret", text: "[snmp.default]\ncommunity_file = \"two\"\n", files: map[string]string{"two": "0600 hunter2\nhunter3\n"}, want: "c.toml:2:18: snmp.default.community_file: has more than one line of text: two, wanted a file with the secret alone"},
		{name: "secret that is a folder", text: "[snmp.default]\ncommunity_file = \".\"\n", want: "c.toml:2:18: snmp.default.community_file: cannot be read: .: is a directory, wanted a file that Spate may read"},
		{name: "secret and secret file", text: "[snmp.default]\ncommunity = \"x\"\ncommunity_file = \"y\"\n", want: "c.toml:2:13: snmp.default.community: given beside snmp.default.community_file, wanted one of them"},
		{name: "secret that is a number is not shown", text: "[snmp.default]\ncommunity = 4711\n", want: "c.toml:2:13: snmp.default.community: is an integer, wanted a string, or \"${NAME}\" of an environment variable"},
		{name: "URL with a password is not shown", text: "[alert]\nheartbeat_url = \"ftp://u:hunter2@example.net/\"\n", want: "c.toml:2:17: alert.heartbeat_url: has the scheme \"ftp\", wanted http://… or https://…"},
		{name: "URL of a cloud's metadata", text: "[alert]\nheartbeat_url = \"http://169.254.169.254/latest\"\n", want: "c.toml:2:17: alert.heartbeat_url: leads to the link-local address 169.254.169.254, where clouds keep their secrets, wanted another address"},
	}
}

func brokenPeople() []broken {
	return []broken{
		{name: "unknown notify type", text: "[[notify]]\nname = \"noc\"\ntype = \"sms\"\n", want: "c.toml:3:8: notify.type: \"sms\" is not known, wanted email, slack, webhook, alertmanager or pagerduty"},
		{name: "mail without its needs", text: "[[notify]]\nname = \"noc\"\ntype = \"email\"\nto = []\n", want: "c.toml:1:1: notify.smtp: missing, wanted host:port of the mail server\nc.toml:1:1: notify.from: missing, wanted an address such as \"spate@example.net\"\nc.toml:4:1: notify.to: is empty, wanted a list such as [\"noc@example.net\"]"},
		{name: "slack without its needs", text: "[[notify]]\nname = \"noc\"\ntype = \"slack\"\n", want: "c.toml:1:1: notify.token_file: missing, wanted token_file and channel, or webhook_url"},
		{name: "key of another type", text: toSlack + "smtp = \"mail.example.net:25\"\n", want: "c.toml:6:8: notify.smtp: is for type email, wanted it removed, or type = \"email\""},
		{name: "severity of another program", text: toSlack + "severities = [\"critical\", \"fatal\"]\n", want: "c.toml:6:27: notify.severities: \"fatal\" is not known, wanted critical, warning or info"},
		{name: "escalation to nobody", text: toSlack + "escalate = [{after = \"15m\", to = \"bos\"}]\n", want: "c.toml:6:13: notify.escalate: \"bos\" is not there, wanted noc, or [[notify]] name = \"bos\" added"},
		{name: "fallback on itself", text: toSlack + "fallback = \"noc\"\n", want: "c.toml:6:12: notify.fallback: falls back on itself, wanted another notifier"},
		{name: "quiet at 25 o'clock", text: toSlack + "quiet = [\"25:00-06:00\"]\n", want: "c.toml:6:10: notify.quiet: \"25:00-06:00\" is no part of a day, wanted one such as \"22:00-06:00\""},
		{name: "two notifiers of one name", text: toSlack + toSlack, want: "c.toml:7:8: notify.name: \"noc\" is taken, first at 2:8, wanted a name of its own"},
		{name: "threshold on an unknown metric", text: "[[threshold]]\nports = [\"* *\"]\nmetric = \"out_bpss\"\nabove = \"9G\"\n", want: "c.toml:3:10: threshold.metric: \"out_bpss\" is no metric, wanted out_bps"},
		{name: "threshold over full utilisation", text: "[[threshold]]\nports = [\"bdr-1\"]\nmetric = \"utilisation\"\nabove = 120\n", want: "c.toml:2:10: threshold.ports: \"bdr-1\" does not name a device and a port, wanted \"device ifName\", both may have * and ?\nc.toml:4:9: threshold.above: 120 is no percentage, wanted more than 0, at most 100"},
		{name: "group of nothing", text: "[[group]]\nname = \"uplinks\"\nports = []\n", want: "c.toml:3:1: group.ports: is empty, wanted [\"device-glob ifName-glob\"]"},
		{name: "user with a plain password", text: "[[user]]\nname = \"noc\"\nrole = \"boss\"\npassword_hash = \"hunter2\"\n", want: "c.toml:3:8: user.role: \"boss\" is not known, wanted viewer, operator or admin\nc.toml:4:17: user.password_hash: is no argon2id hash, wanted $argon2id$v=19$m=…,t=…,p=…$salt$hash"},
		{name: "token without a sum", text: "[[token]]\nname = \"wall\"\nrole = \"viewer\"\nsha256 = \"abc\"\n[[token]]\nname = \"wall\"\nrole = \"viewer\"\n", want: "c.toml:4:10: token.sha256: is no SHA-256, wanted 64 hexadecimal digits: printf %s TOKEN | sha256sum\nc.toml:5:1: token.sha256: missing, wanted the SHA-256 of the token, or token_file\nc.toml:6:8: token.name: \"wall\" is taken, first at 2:8, wanted a name of its own"},
		{name: "issuer without a client", text: "[oidc]\nissuer = \"https://id.example.net\"\n", want: "c.toml:1:1: oidc.client_id: missing, wanted the id the issuer gave Spate"},
	}
}

func brokenIncludes() []broken {
	return []broken{
		{name: "include that is not there", text: "include = [\"no.toml\"]\n", want: "c.toml:1:12: include: cannot read no.toml: no such file or directory, wanted a file that is there"},
		{name: "include that is no list", text: "include = \"no.toml\"\n", want: "c.toml:1:11: include: is a string, wanted an array: [\"…\"]"},
		{name: "pattern that is none", text: "include = [\"[.toml\"]\n", want: "c.toml:1:12: include: \"[.toml\" is no pattern: syntax error in pattern, wanted one such as \"devices.d/*.toml\""},
		{name: "file that includes itself", text: "include = [\"*.toml\"]\n", want: "c.toml:1:12: include: c.toml includes itself, wanted no circle"},
		{name: "files that include each other", text: "include = [\"d/*.toml\"]\n", files: map[string]string{"d/a.toml": "include = [\"../c.toml\"]\n"}, want: "d/a.toml:1:12: include: c.toml includes itself by way of a.toml, wanted no circle"},
		{name: "error in an included file", text: "include = [\"d/*.toml\"]\n[poller]\nretrys = 1\n", files: map[string]string{"d/a.toml": device + "speeed = 1\n"}, want: "c.toml:3:1: poller.retrys: unknown key, wanted poller.retries\nd/a.toml:4:1: device.speeed: unknown key, wanted device.speed"},
		{name: "syntax error in an included file", text: "include = [\"d/*.toml\"]\n[poller]\nretrys = 1\n", files: map[string]string{"d/a.toml": "=\n"}, want: "d/a.toml:1:1: syntax: invalid character at start of key: U+003D '=', wanted valid TOML"},
		{name: "device named in two files", text: "include = [\"d/*.toml\"]\n" + device, files: map[string]string{"d/a.toml": device}, want: "d/a.toml:2:8: device.name: \"a\" is taken, first at c.toml:3:8, wanted a name of its own"},
		{name: "key given in two files", text: "include = [\"d/*.toml\"]\n[poller]\nretries = 1\n", files: map[string]string{"d/a.toml": "[poller]\nretries = 2\ntimeout = \"1s\"\n"}, want: "d/a.toml:2:1: poller.retries: given twice, first at c.toml:3:1, wanted it once"},
	}
}

func TestBrokenFiles(t *testing.T) {
	var all []broken
	for _, part := range [][]broken{brokenSyntax(), brokenKeys(), brokenValues(), brokenDevices(), brokenSecrets(), brokenPeople(), brokenIncludes()} {
		all = append(all, part...)
	}
	if len(all) < 60 {
		t.Errorf("only %d broken files", len(all))
	}
	for _, tt := range all {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			write(t, "c.toml", "0600 "+tt.text)
			for path, text := range tt.files {
				write(t, path, text)
			}
			cfg, err := loader().Load("c.toml")
			if cfg != nil {
				t.Error("a broken file gave a config")
			}
			var errs config.Errors
			if !errors.As(err, &errs) {
				t.Fatalf("error is %T (%v), want config.Errors", err, err)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a secret is shown: %v", err)
			}
		})
	}
}

// loader reads the real disk with an environment and a name of its own.
func loader() config.Loader {
	env := map[string]string{"SECRET": "hunter2", "EMPTY": "", "PLACE": "."}
	return config.Loader{
		Env:      func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		Hostname: func() (string, error) { return "noc1.example.net", nil },
	}
}

// write makes a file; text may begin with its mode.
func write(t *testing.T, path, text string) {
	t.Helper()
	mode := os.FileMode(0o600)
	if len(text) > 5 && text[0] == '0' && text[4] == ' ' {
		mode = 0
		for _, c := range text[1:4] {
			mode = mode<<3 | os.FileMode(c-'0')
		}
		text = text[5:]
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // the umask may have taken bits away
		t.Fatal(err)
	}
}
