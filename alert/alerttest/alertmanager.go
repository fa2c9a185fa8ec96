package alerttest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// An AMAlert is what Alertmanager tells of an alert.
type AMAlert struct {
	Labels, Annotations         map[string]string
	StartsAt, EndsAt, UpdatedAt time.Time
	GeneratorURL                string
	Status                      struct{ State string }
}

// Alertmanager starts Debian's prometheus-alertmanager and gives its URL. The test is
// skipped where it is not installed.
func Alertmanager(t testing.TB) string {
	t.Helper()
	program, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		t.Skip("prometheus-alertmanager is not installed (Debian package of that name)")
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "am.yml")
	if err := os.WriteFile(conf, []byte("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	address := "127.0.0.1:" + freePort(t)
	run(t, exec.Command(program, "--config.file="+conf, "--storage.path="+dir, "--web.listen-address="+address, "--cluster.listen-address="))
	url := "http://" + address
	await(t, "prometheus-alertmanager", func() bool {
		resp, err := http.Get(url + "/-/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return url
}

// Alerts asks an Alertmanager what it holds.
func Alerts(t testing.TB, url string) []AMAlert {
	t.Helper()
	resp, err := http.Get(url + "/api/v2/alerts")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out []AMAlert
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatal(fmt.Errorf("alertmanager: %w", err))
	}
	return out
}
