// Farm serves simulated switches, or recordings of real ones, on loopback, in a
// process of its own, so that a poller's CPU can be told from the agents':
//
//	go run ./lab/farm -n 1000 -ports 48 -dead 0.2
//
// It prints one line for each device, name, address and "alive" or "dead", or
// [[device]] stanzas with -toml, then an empty line, and serves until it is
// interrupted or its standard input ends. At the end it says what it cost.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"spate/lab"
	"spate/poller/snmptest"
)

type options struct {
	switches   lab.SwitchesConfig
	port       uint
	recordings string
	toml       bool
	stdin      bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "farm:", err)
		}
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) error {
	o, err := parse(args, errs)
	if err != nil {
		return err
	}
	nodes := lab.Switches(o.switches)
	if o.recordings != "" {
		nodes, err = lab.Recordings(o.recordings, snmptest.Config{Community: o.switches.Community})
		if err != nil {
			return err
		}
	}
	farm, err := lab.Listen(nodes, uint16(o.port))
	if err != nil {
		return err
	}
	if err := list(out, farm.Nodes(), o.toml); err != nil {
		_ = farm.Close()
		return fmt.Errorf("print the devices: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if o.stdin {
		go func() { // ends with the process: a read of standard input cannot be called off
			_, _ = io.Copy(io.Discard, in)
			cancel()
		}()
	}
	start := time.Now()
	err = farm.Run(ctx)
	fmt.Fprintf(errs, "farm: %d requests answered in %s, %s of CPU\n", farm.Requests(), time.Since(start).Round(time.Second), cpuTime().Round(time.Millisecond))
	return err
}

func parse(args []string, errs io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("farm", flag.ContinueOnError)
	f.SetOutput(errs)
	f.IntVar(&o.switches.Count, "n", 10, "number of switches")
	f.IntVar(&o.switches.Ports, "ports", 48, "ports of each switch")
	f.IntVar(&o.switches.Uplinks, "uplinks", 2, "how many of them are uplinks")
	f.Float64Var(&o.switches.Dead, "dead", 0, "share of the switches that never answer, 0 to 1")
	f.StringVar(&o.switches.Community, "community", "public", "community they answer to")
	f.Uint64Var(&o.switches.Seed, "seed", 1, "seed of their traffic")
	f.UintVar(&o.port, "port", 0, "UDP port on each address; 0: any")
	f.StringVar(&o.recordings, "recordings", "", "serve the recordings in this folder instead")
	f.BoolVar(&o.toml, "toml", false, "print [[device]] stanzas for config.toml")
	f.BoolVar(&o.stdin, "until-eof", false, "end when standard input ends, not only when interrupted")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	s := o.switches
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("%q: wanted flags only; see farm -h", f.Arg(0))
	case s.Count < 1 || s.Count > 60000:
		return o, fmt.Errorf("-n %d: wanted 1 to 60000", s.Count)
	case s.Ports < 1 || s.Ports > 10000:
		return o, fmt.Errorf("-ports %d: wanted 1 to 10000", s.Ports)
	case s.Uplinks < 0 || s.Uplinks > s.Ports:
		return o, fmt.Errorf("-uplinks %d: wanted 0 to -ports", s.Uplinks)
	case !(s.Dead >= 0 && s.Dead <= 1):
		return o, fmt.Errorf("-dead %g: wanted 0 to 1", s.Dead)
	case o.port > 65535:
		return o, fmt.Errorf("-port %d: wanted 0 to 65535", o.port)
	}
	return o, nil
}

// list prints the devices and an empty line, which says that all are there.
func list(out io.Writer, nodes []lab.Node, toml bool) error {
	w := bufio.NewWriter(out)
	for _, n := range nodes {
		state := "alive"
		if n.Dead() {
			state = "dead"
		}
		if toml {
			fmt.Fprintf(w, "[[device]]\nname = %q\naddress = %q\n\n", n.Name, n.Address)
		} else {
			fmt.Fprintln(w, n.Name, n.Address, state)
		}
	}
	if !toml {
		fmt.Fprintln(w)
	}
	return w.Flush()
}
