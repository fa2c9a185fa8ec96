package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Expose answers Prometheus, and spate agent -pass-persist, with the newest snapshot on
// a loopback address until ctx ends.
func (a *Agent) Expose(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		a.writeMetrics(w)
	})
	server := &http.Server{Handler: http.MaxBytesHandler(mux, 1<<10), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("agent.listen: %w", err)
	}
	return nil
}

// writeMetrics is the newest snapshot in Prometheus' text format. Octets of users are
// those of layer 3.
func (a *Agent) writeMetrics(w io.Writer) {
	out := bufio.NewWriter(w)
	defer out.Flush()
	s := a.Newest()
	if s == nil {
		return
	}
	name, _, _ := a.Backend()
	fmt.Fprintf(out, "# TYPE spate_agent_info gauge\nspate_agent_info{host=%s,backend=%s} 1\n", label(a.Host()), label(name))
	for _, n := range counterNames {
		fmt.Fprintf(out, "# TYPE spate_agent_if_%s_total counter\n", n.name)
		for i := range s.Interfaces {
			if v, ok := s.Interfaces[i].Counters[n.name]; ok {
				fmt.Fprintf(out, "spate_agent_if_%s_total{ifName=%s} %d\n", n.name, label(s.Interfaces[i].Name), v)
			}
		}
	}
	if name == "" {
		return
	}
	users := append(slices.Clip(s.Users), s.Others)
	fmt.Fprint(out, "# TYPE spate_agent_user_tx_octets_total counter\n")
	for _, u := range users {
		fmt.Fprintf(out, "spate_agent_user_tx_octets_total{uid=%s,user=%s} %d\n", label(uidOf(&u)), label(u.Name), u.Octets)
	}
	fmt.Fprint(out, "# TYPE spate_agent_user_tx_packets_total counter\n")
	for _, u := range users {
		fmt.Fprintf(out, "spate_agent_user_tx_packets_total{uid=%s,user=%s} %d\n", label(uidOf(&u)), label(u.Name), u.Packets)
	}
}

func uidOf(u *UserCount) string {
	if u.Name == "(other)" {
		return ""
	}
	return strconv.FormatUint(uint64(u.UID), 10)
}

// label quotes as the text format wants it.
func label(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
