package storage_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"spate"
	"spate/storage"
	"spate/storage/storagetest"
)

// A later is a store whose flush waits as long as a cluster takes to show what
// it took.
type later struct {
	*storage.Remote
	written atomic.Bool
}

func (l *later) Write(ctx context.Context, r *spate.Round) error {
	l.written.Store(true)
	return l.Remote.Write(ctx, r)
}

func (l *later) Flush(ctx context.Context) error {
	if err := l.Remote.Flush(ctx); err != nil || !l.written.Swap(false) {
		return err
	}
	wait := time.NewTimer(8 * time.Second)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// SPATE_VM_CLUSTER_WRITE and SPATE_VM_CLUSTER_READ are the URLs of a cluster, or
// of any other VictoriaMetrics, as they stand in config.toml. It takes some minutes:
// rows of new series can be found after up to six seconds.
func TestAClusterHoldsToTheContract(t *testing.T) {
	write, read := os.Getenv("SPATE_VM_CLUSTER_WRITE"), os.Getenv("SPATE_VM_CLUSTER_READ")
	if write == "" || read == "" {
		t.Skip("no cluster: set SPATE_VM_CLUSTER_WRITE and SPATE_VM_CLUSTER_READ to its URLs")
	}
	labels := map[string]string{}
	opener := func(t *testing.T, folder string) storagetest.Store {
		if labels[folder] == "" {
			labels[folder] = fmt.Sprint("spate-", time.Now().UnixNano())
		}
		label := labels[folder]
		l := &later{Remote: openRemote(t, remoteConfig(folder, storage.URLs{
			Write: spate.Secret(with(write, url.Values{"extra_label": {"test=" + label}})),
			Read:  spate.Secret(with(read, url.Values{"extra_filters[]": {fmt.Sprintf("{test=%q}", label)}})),
		}))}
		l.written.Store(true) // by the end of the one before
		return l
	}
	storagetest.Run(t, opener)
	storagetest.Random(t, opener, 5)
}

func with(place string, query url.Values) string {
	if strings.Contains(place, "?") {
		return place + "&" + query.Encode()
	}
	return place + "?" + query.Encode()
}
