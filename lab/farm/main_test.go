package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
)

func TestFarmListsItsDevicesAndEndsWithItsInput(t *testing.T) {
	for _, tt := range []struct {
		name, args string
		want       []string
	}{
		{"lines", "-n 5 -ports 2 -uplinks 0 -dead 0.4", []string{"sw-0001 127.", "sw-0003 127.", " alive\n", " dead\n\n"}},
		{"stanzas", "-n 1 -toml", []string{"[[device]]\nname = \"sw-0001\"\naddress = \"127."}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			err := run(context.Background(), append(strings.Fields(tt.args), "-until-eof"), strings.NewReader(""), &out, &errs)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing in:\n%s", want, out.String())
				}
			}
			if !strings.Contains(errs.String(), "0 requests answered") {
				t.Errorf("no account at the end: %q", errs.String())
			}
		})
	}
}

func TestFarmRefusesWhatItCannotServe(t *testing.T) {
	for _, args := range []string{"-n 0", "-n 70000", "-ports 0", "-uplinks 49", "-dead 1.5", "-dead NaN", "-port 70000", "x", "-recordings /nonexistent"} {
		if err := run(context.Background(), strings.Fields(args), strings.NewReader(""), io.Discard, io.Discard); err == nil {
			t.Errorf("farm %s: no error", args)
		}
	}
}
