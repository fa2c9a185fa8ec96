package config_test

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"spate/cmd/spate/config"
)

const shippedFile = "../../../config.toml"

func shipped(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(shippedFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestShippedFileEqualsTheDefaults(t *testing.T) {
	got, err := loader().LoadBytes("config.toml", []byte(shipped(t)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.Default(), got, cmpopts.IgnoreFields(config.Config{}, "Files"), comparers()); diff != "" {
		t.Errorf("config.toml (-defaults +shipped):\n%s", diff)
	}
	empty, err := loader().Defaults()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.Default(), empty, comparers()); diff != "" {
		t.Errorf("empty file (-defaults +empty):\n%s", diff)
	}
}

// The package's config of the agent alone is the default but for the two places that its
// unit gives: the credential and the folder.
func TestPackagedAgentConfigFitsItsUnit(t *testing.T) {
	text, err := os.ReadFile("../../../packaging/agent.toml")
	if err != nil {
		t.Fatal(err)
	}
	l := loader()
	l.Env = func(name string) (string, bool) {
		return "/run/credentials/spate-agent.service", name == "CREDENTIALS_DIRECTORY"
	}
	l.ReadFile = func(path string, _ int64) ([]byte, fs.FileMode, error) {
		if path != "/run/credentials/spate-agent.service/agent.token" {
			return nil, 0, fs.ErrNotExist
		}
		return []byte("0123456789abcdef\n"), 0o400, nil
	}
	got, err := l.LoadBytes("/etc/spate/agent.toml", text)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Agent.Token, want.Agent.Spool = "0123456789abcdef", "/var/lib/spate-agent"
	if diff := cmp.Diff(want.Agent, got.Agent, comparers()); diff != "" {
		t.Errorf("agent.toml (-want +packaged):\n%s", diff)
	}
	sealed := loader()
	sealed.Sealed = true // as snmpd starts it: without the credential, and without the right to it
	got, err = sealed.LoadBytes("/etc/spate/agent.toml", text)
	if err != nil || got.Agent.Token != "" {
		t.Errorf("sealed: %v, a token of %d octets", err, len(got.Agent.Token))
	}
}

// commented finds the blocks of the shipped file that stand commented, by the
// header they begin with.
func commented(text string) map[string]string {
	blocks := map[string]string{}
	for block := range strings.SplitSeq(text, "\n\n") {
		lines := strings.Split(block, "\n")
		m := regexp.MustCompile(`^# (\[.*?\])(\s|$)`).FindStringSubmatch(lines[0])
		if m == nil {
			continue
		}
		for i, line := range lines {
			lines[i] = strings.TrimPrefix(strings.TrimPrefix(line, "#"), " ")
		}
		blocks[m[1]] = strings.Join(lines, "\n") + "\n"
	}
	return blocks
}

func TestCommentedBlocksOfTheShippedFileAreRight(t *testing.T) {
	text := shipped(t)
	blocks := commented(text)
	facts := map[string]func(*config.Config) bool{
		"[snmp.core]":   func(c *config.Config) bool { return c.Credentials["core"].PrivProtocol == "AES" },
		"[[device]]":    func(c *config.Config) bool { return len(c.Targets) == 2 && c.Targets[0].Device.Name == "sw-acc-1" },
		"[[link]]":      func(c *config.Config) bool { return len(c.Links) == 1 && c.Links[0].B.Name == "Te2/3" },
		"[[threshold]]": func(c *config.Config) bool { return len(c.Thresholds) == 1 && c.Thresholds[0].Above == 9e9 },
		"[[notify]]":    func(c *config.Config) bool { return len(c.Notify) == 1 && c.Notify[0].SMTP == "mail.example.net:587" },
		"[[group]]":     func(c *config.Config) bool { return len(c.Groups) == 1 && c.Groups[0].Ports[0].Device == "bdr-1" },
		"[[user]]":      func(c *config.Config) bool { return len(c.Users) == 1 && c.Users[0].Role == config.Operator },
		"[[token]]":     func(c *config.Config) bool { return len(c.Tokens) == 1 && c.Tokens[0].Role == config.Viewer },
	}
	for header, holds := range facts {
		t.Run(header, func(t *testing.T) {
			block, there := blocks[header]
			if !there {
				t.Fatalf("no commented %s in config.toml", header)
			}
			if header == "[[link]]" {
				block += blocks["[[device]]"] // a link needs its devices
			}
			cfg, err := loader().LoadBytes("config.toml", []byte(text+"\n"+block))
			if err != nil {
				t.Fatalf("uncommented, it is refused:\n%v", err)
			}
			if !holds(cfg) {
				t.Errorf("uncommented, it is not what was read: %+v", cfg)
			}
		})
	}
	if len(blocks) != len(facts) {
		t.Errorf("%d commented blocks, %d checked", len(blocks), len(facts))
	}
	all := text
	for _, block := range blocks {
		all += "\n" + block
	}
	if _, err := loader().LoadBytes("config.toml", []byte(all)); err != nil {
		t.Errorf("everything uncommented is refused:\n%v", err)
	}
}

// Every key there is stands in the shipped file, with words behind it or
// above, so that nobody has to guess.
func TestShippedFileNamesEveryKey(t *testing.T) {
	text := shipped(t)
	for _, key := range config.Keys() {
		last := key[strings.LastIndexByte(key, '.')+1:]
		if optional(key) || last == "*" {
			continue
		}
		if !regexp.MustCompile(`\b` + last + `\b`).MatchString(text) {
			t.Errorf("%s is not in config.toml", key)
		}
	}
}

// optional keys are the second form of a secret, or the same keys one level down.
func optional(key string) bool {
	for _, tier := range []string{".raw.", ".five_minutes.", ".hour."} {
		if strings.Contains(key, tier) {
			return true
		}
	}
	return slices.Contains(config.Keys(), strings.TrimSuffix(key, "_file")) && strings.HasSuffix(key, "_file") ||
		slices.Contains(config.Keys(), key+"_file")
}
