package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	vm "github.com/VictoriaMetrics/VictoriaMetrics/lib/storage"

	"spate"
)

// A tier is one resolution of the store: an engine of its own, because the
// engine knows one retention only.
type tier struct {
	name   spate.Tier
	keep   time.Duration
	engine *vm.Storage
}

// openTier opens the engine in its folder. The engine ends the process where it
// finds a damaged file, so that the files which can be checked are checked first.
func openTier(name spate.Tier, path string, keep time.Duration) (t *tier, oldest int64, err error) {
	oldest, err = oldestRow(path)
	if err != nil {
		return nil, 0, err
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("storage: open %s: %v: restore it from a backup, or move it away to begin anew", path, r)
		}
	}()
	// Without the index by day, series cost a tenth; Spate's live for years.
	return &tier{name, keep, vm.MustOpenStorage(path, vm.OpenOptions{Retention: keep, DisablePerDayIndex: true})}, oldest, nil
}

func (t *tier) add(rows []vm.MetricRow) { t.engine.AddRows(rows, 64) }
func (t *tier) flush()                  { t.engine.DebugFlush() }
func (t *tier) readOnly() bool          { return t.engine.IsReadOnly() }
func (t *tier) close()                  { t.engine.MustClose() }

// bytes is what the tier takes on disk.
func (t *tier) bytes() uint64 {
	var m vm.Metrics
	t.engine.UpdateMetrics(&m)
	tm := &m.TableMetrics
	return tm.SmallSizeBytes + tm.BigSizeBytes + tm.IndexDBMetrics.FileSizeBytes
}

// oldestRow reads the time of the oldest row in ms, 0 when there is none, from
// the parts' own descriptions, and checks that what the engine must read to
// open is there.
func oldestRow(path string) (int64, error) {
	lists, err := filepath.Glob(filepath.Join(path, "data", "small", "*", "parts.json"))
	if err != nil {
		return 0, err
	}
	oldest := int64(math.MaxInt64)
	for _, list := range lists {
		var names struct{ Small, Big []string }
		if err := readJSON(list, &names); err != nil {
			return 0, err
		}
		month := filepath.Dir(list)
		big := filepath.Join(path, "data", "big", filepath.Base(month))
		for folder, parts := range map[string][]string{month: names.Small, big: names.Big} {
			for _, part := range parts {
				var about struct{ RowsCount, MinTimestamp int64 }
				if err := readJSON(filepath.Join(folder, part, "metadata.json"), &about); err != nil {
					return 0, err
				}
				oldest = min(oldest, about.MinTimestamp)
			}
		}
	}
	if oldest == math.MaxInt64 {
		return 0, nil
	}
	return oldest, nil
}

func readJSON(file string, into any) error {
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err == nil {
		return nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("storage: read %s: %w: give it to user %d", file, reason(err), os.Getuid())
	}
	return fmt.Errorf("storage: %s is damaged (%w): restore the folder from a backup, or move it away to begin anew", file, reason(err))
}
