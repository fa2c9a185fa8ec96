package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"spate/web"
)

// TestSecretsStandNowhere starts Spate with a secret of every kind, everything that can
// fail failing, and looks for them in all that comes out: the log at its most talkative,
// every answer and page, messages of errors, the backup.
func TestSecretsStandNowhere(t *testing.T) {
	if testing.Short() {
		t.Skip("a process lives for some seconds")
	}
	secret := func(i int) string { return fmt.Sprintf("hunter%02d-%s", i, strings.Repeat("q", 12)) }
	const password = "hunter99-qqqqqqqqqqqq"
	hash, err := web.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(secret(20)))
	dir := t.TempDir()
	config := fmt.Sprintf(`[log]
level = "debug"
[server]
listen = "127.0.0.1:0"
[storage]
path = %q
[poller]
interval = "1s"
timeout = "200ms"
[snmp.default]
community = %q
[snmp.core]
version = "3"
user = "spate"
auth_protocol = "SHA256"
auth_password = %q
priv_protocol = "AES"
priv_password = %q
[[device]]
name = "a"
address = "127.0.0.1:1"
[[device]]
name = "b"
address = "127.0.0.1:1"
snmp = "core"
[alert]
heartbeat_url = "http://127.0.0.1:1/%s"
heartbeat_interval = "10s"
[[notify]]
name = "mail"
type = "email"
smtp = "127.0.0.1:1"
username = "spate"
password = %q
from = "a@example.net"
to = ["b@example.net"]
[[notify]]
name = "chat"
type = "slack"
token = "xoxb-%s"
channel = "#noc"
api_url = "http://127.0.0.1:1/api"
[[notify]]
name = "chathook"
type = "slack"
webhook_url = "http://127.0.0.1:1/services/%s"
[[notify]]
name = "hook"
type = "webhook"
url = "http://user:%s@127.0.0.1:1/%s"
secret = %q
[[notify]]
name = "pager"
type = "pagerduty"
url = "http://127.0.0.1:1/enqueue"
routing_key = %q
[oidc]
issuer = "http://127.0.0.1:1/id"
client_id = "spate"
client_secret = %q
[[token]]
name = "root"
role = "admin"
sha256 = %q
[[user]]
name = "ann"
role = "operator"
password_hash = %q
`, filepath.Join(dir, "data"), secret(1), secret(2), secret(3), secret(4), secret(5), secret(6), secret(7), secret(8), secret(9), secret(10), secret(11), secret(12), hex.EncodeToString(sum[:]), hash.Reveal())
	s := startServe(t, config)
	var out bytes.Buffer
	ask := func(method, path, body, token string, header ...string) {
		req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		client := &http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		resp, err := client.Do(req)
		if err != nil {
			fmt.Fprintln(&out, path, err)
			return
		}
		defer resp.Body.Close()
		_ = resp.Header.Write(&out)
		_, _ = io.Copy(&out, resp.Body)
	}
	time.Sleep(3 * time.Second) // rounds that fail
	token := secret(20)
	for _, path := range []string{"/", "/devices", "/devices/a", "/devices/b", "/alerts", "/status", "/map", "/groups", "/search?q=a", "/docs/", "/login", "/metrics",
		"/api/v1/devices", "/api/v1/devices/a", "/api/v1/ports", "/api/v1/top", "/api/v1/status", "/api/v1/notifiers", "/api/v1/incidents", "/api/v1/topology", "/api/v1/silences", "/api/openapi.yaml", "/api/v1/graph.png?device=a&port=x"} {
		ask("GET", path, "", token)
	}
	for _, name := range []string{"mail", "chat", "chathook", "hook", "pager"} {
		ask("POST", "/api/v1/notifiers/"+name+"/test", "", token)
	}
	ask("GET", "/login/oidc", "", "")
	ask("GET", "/?token="+token, "", "")
	ask("GET", "/api/v1/devices?token="+token, "", "")
	ask("POST", "/login", "name=ann&password="+password+"x", "", "Content-Type", "application/x-www-form-urlencoded")
	ask("POST", "/login", `{"name":"ann","password":"`+password+`"}`, "", "Content-Type", "application/json")
	ask("POST", "/api/v1/backup", `{"dir":"`+filepath.Join(dir, "backup")+`"}`, token, "Content-Type", "application/json")
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()

	said := []byte(s.err.String())
	found := func(where string, text []byte) {
		for _, m := range regexp.MustCompile(`hunter[0-9]{2}-q+|\$argon2id\$`).FindAll(text, 3) {
			t.Errorf("%s: %s", where, m)
		}
	}
	found("answers", out.Bytes())
	found("the log", said)
	files := 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".toml") {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		found(path, text)
		return err
	})
	if err != nil || files < 3 {
		t.Errorf("%d files looked at: %v", files, err)
	}
	if !bytes.Contains(said, []byte("level=DEBUG")) {
		t.Error("the log was not at its most talkative")
	}
	if !bytes.Contains(out.Bytes(), []byte("connection refused")) {
		t.Errorf("no message failed: %.2000s", out.Bytes())
	}
}
