package spate_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spate"
)

func TestNamesLeadToWhereTheHistoryIs(t *testing.T) {
	at := func(h int) time.Time { return time.Date(2026, 3, 1, h, 0, 0, 0, time.UTC) }
	var none spate.Names
	once := none.Rename("a", "b", at(1))
	tests := []struct {
		name   string
		names  spate.Names
		device string
		want   spate.Names
	}{
		{"renamed", once, "b", spate.Names{{Device: "b", Name: "a", Until: at(1)}}},
		{"the old name has nothing", once, "a", nil},
		{"renamed twice", once.Rename("b", "c", at(2)), "c", spate.Names{{Device: "c", Name: "b", Until: at(2)}, {Device: "c", Name: "a", Until: at(1)}}},
		{"and back", once.Rename("b", "a", at(2)), "a", spate.Names{{Device: "a", Name: "b", Until: at(2)}}},
		{"another device had the name first", once.Rename("a", "c", at(3)), "c", spate.Names{{Device: "c", Name: "a", From: at(1), Until: at(3)}}},
		{"back to a name that another had since", once.Rename("a", "x", at(2)).Rename("b", "a", at(3)), "a", spate.Names{{Device: "a", Name: "b", Until: at(3)}, {Device: "a", Name: "a", Until: at(1)}}},
		{"while it waits, under both names", once.Lend("b", "c"), "c", spate.Names{{Device: "c", Name: "b"}, {Device: "c", Name: "a", Until: at(1)}}},
		{"while it waits, under the old one too", once.Lend("b", "c"), "b", spate.Names{{Device: "b", Name: "a", Until: at(1)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.names.Of(tt.device)); diff != "" {
				t.Errorf("former names of %s (-want +got):\n%s", tt.device, diff)
			}
		})
	}
	if got := once.Since("a"); !got.Equal(at(1)) {
		t.Errorf("the name is free since %v, want %v", got, at(1))
	}
}
