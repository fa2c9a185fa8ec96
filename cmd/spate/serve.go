package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"spate/cmd/spate/config"
	"spate/host"
	"spate/web"
)

func serveCommand(a *app) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Poll, store, and show it: everything in one process",
		Long:  "Serve polls the configured devices and this machine, stores the rates and shows them. SIGTERM ends it cleanly, SIGHUP reads the config file again.",
		Args:  cobra.NoArgs,
		RunE: a.does(func(ctx context.Context, _ []string) error {
			cfg, note, err := a.load(file)
			if err != nil {
				return err
			}
			log := newLog(cfg.Log, a.err)
			if note != "" {
				log.Info(note)
			}
			return a.serve(ctx, cfg, log, func() (*config.Config, error) {
				next, _, err := a.load(file)
				return next, err
			})
		}),
	}
	configFlag(cmd, &file)
	return cmd
}

// serve runs until ctx ends. reload reads the config file again, for SIGHUP;
// when it fails the old config stays.
func (a *app) serve(ctx context.Context, cfg *config.Config, log *slog.Logger, reload func() (*config.Config, error)) (err error) {
	listener, err := listen(ctx, cfg.Server.Listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	udp, tcp, err := listenSyslog(cfg.Syslog.Listen)
	if err != nil {
		return err
	}
	s, err := newSite(cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	webConfig, err := serverConfig(cfg)
	if err != nil {
		return err
	}
	if webConfig.SessionKey, err = s.logins.key(); err != nil {
		return err
	}
	server := web.New(webConfig, s.deps())
	s.server.Store(server)
	shown := server.TellIncident
	s.watch.shown.Store(&shown)
	s.eyes.server.Store(server)

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return ended(ctx, server.Run(ctx, listener)) })
	s.run(ctx, group)
	s.agents.run(ctx, group, udp, tcp)
	group.Go(func() error { s.reloads(ctx, cfg, reload); return nil })
	fmt.Fprintf(a.out, "Spate is at %s\n", address(cfg, listener))
	err = group.Wait()
	log.Info("stopped")
	return err
}

// ended is nil for what ended because ctx did.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// listen opens the port before anything else is touched, so that a second
// Spate on the same port ends with a sentence and changes nothing.
func listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is taken: another program, or another Spate, listens there; stop it or set server.listen", address)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s may not be listened on: ports below 1024 want root or CAP_NET_BIND_SERVICE; set server.listen", address)
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w; correct server.listen", address, err)
	}
	return l, nil
}

// listenSyslog opens the sockets of [syslog], or none.
func listenSyslog(address string) (net.PacketConn, net.Listener, error) {
	if address == "" {
		return nil, nil, nil
	}
	udp, tcp, err := host.ListenSyslog(address)
	if errors.Is(err, syscall.EACCES) {
		err = fmt.Errorf("%w: ports below 1024 want root or CAP_NET_BIND_SERVICE", err)
	}
	return udp, tcp, err
}

func serverConfig(cfg *config.Config) (web.Config, error) {
	out := web.Config{Version: version, BaseURL: cfg.Server.BaseURL, Zone: cfg.Server.Location, WallAllow: cfg.Web.WallAllow, Credentials: credentials(cfg)}
	if cfg.Server.TLSCertFile == "" {
		return out, nil
	}
	certs, err := newCertificate(cfg.Server.TLSCertFile, cfg.Server.TLSKeyFile)
	if err != nil {
		return out, fmt.Errorf("server.tls_cert_file: %w", err)
	}
	out.TLS = &tls.Config{GetCertificate: certs.get, MinVersion: tls.VersionTLS12}
	return out, nil
}

// address is what a person types into a browser.
func address(cfg *config.Config, l net.Listener) string {
	if cfg.Server.BaseURL != "" {
		return cfg.Server.BaseURL
	}
	scheme := "http"
	if cfg.Server.TLSCertFile != "" {
		scheme = "https"
	}
	return scheme + "://" + l.Addr().String()
}

// reloads reads the config file again at each SIGHUP.
func (s *site) reloads(ctx context.Context, cfg *config.Config, reload func() (*config.Config, error)) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
		}
		next, err := reload()
		if err != nil {
			s.log.Error("config not taken over, the old one stays", "err", err)
			continue
		}
		s.adopt(next)
		for _, key := range needRestart(cfg, next) {
			s.log.Warn("takes effect at the next start", "key", key)
		}
		s.log.Info("config taken over", "devices", len(next.Targets))
		s.log.Info("audit", "what", "reload", "by", "SIGHUP", "about", next.Files[0])
		cfg = next
	}
}

// needRestart lists what changed that a running Spate keeps as it was.
func needRestart(old, next *config.Config) []string {
	var keys []string
	for _, k := range []struct {
		name string
		same bool
	}{
		{"server", old.Server.Listen == next.Server.Listen && old.Server.BaseURL == next.Server.BaseURL && old.Server.TLSCertFile == next.Server.TLSCertFile},
		{"storage", old.Storage == next.Storage},
		{"poller", old.Poller == next.Poller},
		{"host", old.Host == next.Host},
		{"log", old.Log == next.Log},
		{"syslog", old.Syslog == next.Syslog},
	} {
		if !k.same {
			keys = append(keys, k.name)
		}
	}
	return keys
}
