package poller_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spate/poller"
)

func TestScanFindsWhoAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite()
		s.add("one", aSwitch("one", 2), nil)
		s.add("two", aSwitch("two", 2), nil)
		var found []string
		last, begin := 0, time.Now()
		err := s.poller.Scan(context.Background(), []netip.Prefix{netip.MustParsePrefix("192.0.2.0/26")},
			poller.Credentials{Version: poller.V2c, Community: "public"},
			func(f poller.Found) { found = append(found, f.Address.String()+" "+f.System.Name) },
			func(done, of int) {
				if of != 62 || done != last+1 {
					t.Errorf("progress %d of %d after %d", done, of, last)
				}
				last = done
			})
		if err != nil || strings.Join(found, ", ") != "192.0.2.1 one, 192.0.2.2 two" {
			t.Errorf("found %v, err %v", found, err)
		}
		if took := time.Since(begin); took < 300*time.Millisecond || took > 10*time.Second {
			t.Errorf("62 addresses took %v; a scan is polite, and does not wait for one after the other", took)
		}
	})
}

func TestScanRefusesWhatItCannotFinish(t *testing.T) {
	s := newSite()
	err := s.poller.Scan(context.Background(), []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, poller.Credentials{}, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "scan it in parts") {
		t.Errorf("a scan of 16 million addresses gave %v", err)
	}
}
