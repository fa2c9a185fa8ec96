package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"spate"
	"spate/poller/snmptest"
)

// SwitchesConfig describes a number of simulated access switches.
type SwitchesConfig struct {
	Count     int
	Ports     int     // of each; 0 is 48
	Uplinks   int     // of each, ten times as fast
	Dead      float64 // share of them that never answers, 0..1, spread evenly
	Community string  // "" is "public"
	Seed      uint64  // of their traffic
}

// Switches makes switches named "sw-0001" and so on. They share what is alike,
// so that each takes little more memory than the traffic of its ports.
func Switches(cfg SwitchesConfig) []Node {
	if cfg.Ports == 0 {
		cfg.Ports = 48
	}
	shape := snmptest.NewShape(cfg.Ports, 1)
	nodes := make([]Node, cfg.Count)
	for i := range nodes {
		nodes[i].Name = fmt.Sprintf("sw-%04d", i+1)
		if dead(i, cfg.Dead) {
			continue
		}
		nodes[i].Agent = shape.Switch(snmptest.SwitchConfig{
			Name: nodes[i].Name, Location: "lab", Uplinks: cfg.Uplinks, Seed: cfg.Seed + uint64(i),
			Agent: snmptest.Config{Community: cfg.Community},
		})
	}
	return nodes
}

// dead spreads a share evenly: of the first n, share*n are dead, rounded down.
func dead(i int, share float64) bool {
	return int(float64(i+1)*share) > int(float64(i)*share)
}

// Recordings makes a node of every recording in a folder (*.snmprec, packed or
// not), named by its file.
func Recordings(folder string, agent snmptest.Config) ([]Node, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.snmprec*"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no recordings (*.snmprec, *.snmprec.bz2, *.snmprec.gz) in %s: is it the right folder?", folder)
	}
	var nodes []Node
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
			continue
		}
		walk, err := snmptest.LoadRecording(file)
		if err != nil {
			return nil, err
		}
		name, _, _ := strings.Cut(filepath.Base(file), ".snmprec")
		nodes = append(nodes, Node{Name: spate.Clean(name), Agent: snmptest.New(walk, agent)})
	}
	return nodes, nil
}
