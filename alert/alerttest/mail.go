// Package alerttest starts what messages are sent to: a real mail server, a real
// Alertmanager, and a stand-in for Slack that checks calls as Slack documents them.
// Only tests import it.
package alerttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Who may send mail. The mailbox gone@example.net is refused, as are other domains.
const (
	MailUser     = "spate"
	MailPassword = "secret-of-the-mail"
)

// A MailServer is Exim on loopback, with TLS, that keeps what it takes for example.net.
type MailServer struct {
	StartTLS, TLS string // host:port
	Roots         *x509.CertPool
	CertFile      string
	box           string
}

// Mail starts one. The test is skipped where Exim is not installed, or not root: Exim
// takes a config of one's own from root only.
func Mail(t testing.TB) *MailServer {
	t.Helper()
	program, err := exec.LookPath("/usr/sbin/exim4")
	if err != nil {
		t.Skip("exim4 is not installed (Debian package exim4-daemon-light)")
	}
	owner, err := user.Lookup("Debian-exim")
	if err != nil || os.Getuid() != 0 {
		t.Skip("exim4 takes a config of one's own from root only")
	}
	uid, _ := strconv.Atoi(owner.Uid)
	gid, _ := strconv.Atoi(owner.Gid)
	dir, err := os.MkdirTemp("", "spate-mail-") // t.TempDir lies in a folder that Exim's user may not pass
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &MailServer{StartTLS: "localhost:" + freePort(t), TLS: "localhost:" + freePort(t), CertFile: filepath.Join(dir, "cert.pem"), box: filepath.Join(dir, "mail")}
	cert, key := Certificate(t, time.Now().Add(time.Hour))
	s.Roots = x509.NewCertPool()
	s.Roots.AppendCertsFromPEM(cert)
	for name, text := range map[string][]byte{"cert.pem": cert, "key.pem": key, "exim.conf": []byte(s.config(dir))} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, sub := range []string{"mail", "spool", "log"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(filepath.Join(dir, sub), uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, exec.Command(program, "-C", filepath.Join(dir, "exim.conf"), "-bdf", "-q10m"))
	await(t, "exim4", func() bool { return answers(s.StartTLS) && answers(s.TLS) })
	return s
}

func (s *MailServer) config(dir string) string {
	_, plain, _ := net.SplitHostPort(s.StartTLS)
	_, tls, _ := net.SplitHostPort(s.TLS)
	return fmt.Sprintf(`primary_hostname = localhost
spool_directory = %[1]s/spool
log_file_path = %[1]s/log/%%s
pid_file_path = %[1]s/spool/exim.pid
exim_user = Debian-exim
exim_group = Debian-exim
daemon_smtp_ports = %[2]s : %[3]s
tls_on_connect_ports = %[3]s
local_interfaces = 127.0.0.1
tls_advertise_hosts = *
tls_certificate = %[1]s/cert.pem
tls_privatekey = %[1]s/key.pem
auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}
acl_smtp_rcpt = rcpt
domainlist local = example.net
keep_environment =
never_users =
begin acl
rcpt:
  deny message = no such mailbox
       local_parts = gone
  accept authenticated = *
         domains = +local
  deny message = relay not permitted
begin routers
all:
  driver = accept
  transport = keep
begin transports
keep:
  driver = appendfile
  directory = %[1]s/mail
  maildir_format
  user = Debian-exim
  group = Debian-exim
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${if and{{eq{$auth2}{%[4]s}}{eq{$auth3}{%[5]s}}}}
  server_set_id = $auth2
`, dir, plain, tls, MailUser, MailPassword)
}

// taken finds the id that Exim gives a message as it takes it: seconds, process and
// fraction of a second, each in base 62 with digits that sort (Exim specification 4.96,
// section 3.4).
var taken = regexp.MustCompile(`(?m)^\s+id ([0-9A-Za-z]{6})-[0-9A-Za-z]+-([0-9A-Za-z]+)`)

// Mails are what was taken so far, in the order in which Exim took them; it waits until
// there are so many. The order in which they reach the mailbox tells nothing: a process
// of its own brings each.
func (s *MailServer) Mails(t testing.TB, want int) [][]byte {
	t.Helper()
	var files []os.DirEntry
	await(t, fmt.Sprintf("%d mails", want), func() bool {
		files, _ = os.ReadDir(filepath.Join(s.box, "new"))
		return len(files) >= want
	})
	var out [][]byte
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(s.box, "new", f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, text)
	}
	when := func(text []byte) string {
		id := taken.FindSubmatch(text)
		if id == nil {
			t.Fatalf("no id of Exim's in %.500s", text)
		}
		return string(id[1]) + string(id[2])
	}
	slices.SortFunc(out, func(a, b []byte) int { return strings.Compare(when(a), when(b)) })
	return out
}

// Certificate is one of localhost and 127.0.0.1 that nobody has signed, and its key,
// in PEM form.
func Certificate(t testing.TB, until time.Time) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

// run starts a program that the end of the test ends.
func run(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func answers(address string) bool {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("%s: not within half a minute", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
