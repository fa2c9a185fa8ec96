package main

import (
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	if order := os.Getenv("SPATE_TEST_SEND"); order != "" {
		sendPackets(order) // a test's traffic generator, in another network namespace
	}
	if to := os.Getenv("SPATE_TEST_MANY"); to != "" {
		sendAsMany(to)
	}
	if order := strings.Fields(os.Getenv("SPATE_TEST_NOTIFY")); len(order) == 3 {
		sendUntilKilled(order[0], order[1], order[2])
	}
	testscript.Main(m, map[string]func(){"spate": main})
}

// The scripts are the command line as operators and their scripts see it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true})
}
