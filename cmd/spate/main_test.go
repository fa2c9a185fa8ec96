package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	if order := os.Getenv("SPATE_TEST_SEND"); order != "" {
		sendPackets(order) // a test's traffic generator, in another network namespace
	}
	testscript.Main(m, map[string]func(){"spate": main})
}

// The scripts are the command line as operators and their scripts see it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true})
}
