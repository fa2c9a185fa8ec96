package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"spate/cmd/spate/config"
	"spate/host"
	"spate/mibs"
)

func agentCommand(a *app) *cobra.Command {
	var file string
	var once, pass bool
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "On a server: count what each user sends, and push it to Spate",
		Long: "Agent reads this machine's interfaces and what each of its users sends, and pushes it to the Spate that [agent] of the config names, every ten seconds. " +
			"Users are counted in the best way the machine allows: eBPF (CAP_BPF and CAP_NET_ADMIN), else a table of nftables (CAP_NET_ADMIN), else iptables rules with -m owner that are there; else interfaces alone are read, and the log says why. " +
			"It changes no traffic; when it ends, however it ends, nothing of it is left in the kernel.\n\n" +
			"With -once it prints what it would push, and pushes nothing.\n\n" +
			"With -pass-persist it speaks with net-snmp's snmpd on standard input and output, and gives it the users of the agent that runs at agent.listen. In snmpd.conf:\n\n" +
			"    pass_persist " + string(mibs.AgentUsers) + " /usr/bin/spate agent -pass-persist -config /etc/spate/agent.toml",
		Example: "    spate agent -once\n    spate agent -config /etc/spate/agent.toml",
		Args:    cobra.NoArgs,
		RunE: a.does(func(ctx context.Context, _ []string) error {
			if once && pass {
				return a.misused("-once and -pass-persist, wanted one of them")
			}
			cfg, _, err := a.loadBy(config.Loader{Env: a.env, Sealed: once || pass}, file)
			switch {
			case err != nil:
				return err
			case pass:
				return a.passPersist(ctx, cfg)
			}
			return a.agent(ctx, cfg, once)
		}),
	}
	configFlag(cmd, &file)
	cmd.Flags().BoolVar(&once, "once", false, "print one reading and end")
	cmd.Flags().BoolVar(&pass, "pass-persist", false, "serve net-snmp's snmpd, which starts it")
	return cmd
}

func agentConfig(c *config.Agent) host.AgentConfig {
	return host.AgentConfig{URL: c.URL, Token: c.Token, CAFile: c.CAFile, Plain: c.PlainHTTP, Spool: c.Spool, Host: c.Host, Backend: c.Backend, Counters: c.CounterFiles, Speed: c.Speed, Listen: c.Listen, Interval: c.Interval, Release: version}
}

func (a *app) agent(ctx context.Context, cfg *config.Config, once bool) (err error) {
	c := agentConfig(&cfg.Agent)
	if once {
		c.URL, c.Spool, c.Listen = "", "", ""
	} else if c.URL == "" && c.Listen == "" {
		return errors.New("nothing would be done: set agent.url to the Spate to push to, or agent.listen for Prometheus; -once prints one reading")
	}
	log := newLog(cfg.Log, a.err)
	agent, err := host.NewAgent(c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, agent.Close()) }()
	name, why, doubt := agent.Backend()
	if once {
		return a.agentOnce(agent, name, why, doubt)
	}
	switch {
	case name == "" && cfg.Agent.Backend != "none":
		log.Warn("users are not counted, interfaces are", "why", why)
	case name == "":
		log.Info("users are not to be counted, interfaces are")
	default:
		log.Info("users are counted", "by", name, "why", why, "missing", doubt)
	}
	group, ctx := errgroup.WithContext(ctx)
	if c.Listen != "" {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
		if err != nil {
			return fmt.Errorf("agent.listen: %w", err)
		}
		group.Go(func() error { return ended(ctx, agent.Expose(ctx, l)) })
	}
	group.Go(func() error { return agent.Run(ctx) })
	return group.Wait()
}

// passPersist answers snmpd until that ends. snmpd has no right to the agent's token, and
// it is not needed.
func (a *app) passPersist(ctx context.Context, cfg *config.Config) error {
	if cfg.Agent.Listen == "" {
		return errors.New("agent.listen is empty: set it, such as \"127.0.0.1:9217\", and start spate agent with it")
	}
	log := newLog(cfg.Log, a.err)
	asker, told := host.NewAsker(cfg.Agent.Listen), ""
	done := make(chan error, 1)
	go func() { // it waits for snmpd, and ends with the program
		done <- host.PassPersist(a.in, a.out, func() (host.Exposed, error) {
			e, err := asker.Users(ctx)
			if err != nil && err.Error() != told {
				told = err.Error()
				log.Warn("nothing to be had", "err", err)
			}
			return e, err
		})
	}()
	select {
	case <-ctx.Done():
		return nil
	case err := <-done:
		return err
	}
}

// agentOnce shows one reading: what the operator looks at before anything is pushed.
func (a *app) agentOnce(agent *host.Agent, name, why, doubt string) error {
	s := agent.Read()
	if a.json {
		return json.NewEncoder(a.out).Encode(s)
	}
	switch {
	case name == "":
		fmt.Fprintf(a.out, "users are not counted here: %s\n", printable(why))
	case why == "":
		fmt.Fprintf(a.out, "users are counted by %s\n", name)
	default:
		fmt.Fprintf(a.out, "users are counted by %s, since: %s\n", name, printable(why))
	}
	if doubt != "" {
		fmt.Fprintf(a.out, "to be known: %s\n", doubt)
	}
	fmt.Fprintf(a.out, "this machine appears as %s\n", agent.Host())
	if s.Error != "" {
		fmt.Fprintf(a.out, "a part cannot be read: %s\n", printable(s.Error))
	}
	for i := range s.Interfaces {
		f := &s.Interfaces[i]
		fmt.Fprintf(a.out, "  %-16s %s, %d octets sent, %d received\n", printable(f.Name), f.Oper, f.Counters["out_octets"], f.Counters["in_octets"])
	}
	for _, u := range s.Users {
		fmt.Fprintf(a.out, "  user %-16s uid %d, %d octets, %d packets sent\n", printable(u.Name), u.UID, u.Octets, u.Packets)
	}
	return nil
}
