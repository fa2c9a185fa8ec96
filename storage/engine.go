package storage

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/VictoriaMetrics/lib/logger"
	vm "github.com/VictoriaMetrics/VictoriaMetrics/lib/storage"
)

// engine holds the settings that VictoriaMetrics' library has once a process:
// its flags, its logger, its limits. It is the only variable of the room that
// changes, because the library leaves no other choice. Memory and the log's
// format are set by the first store, the free-space limit by the first of those
// open at one time.
var engine struct {
	mu    sync.Mutex
	ready bool
	open  int
	log   atomic.Pointer[slog.Logger]
}

// startEngine prepares the library for one more store.
func startEngine(cfg Config, log *slog.Logger) error {
	engine.mu.Lock()
	defer engine.mu.Unlock()
	engine.log.Store(log)
	if !engine.ready {
		// The library's flags sit on flag.CommandLine, which Spate's own command
		// line does not use; memory.Allowed panics unless they were parsed.
		if err := flag.CommandLine.Parse([]string{
			fmt.Sprintf("-memory.allowedBytes=%d", cfg.MemoryBytes),
			// As JSON the library would end the process where it now panics, and
			// openTier and Query can no longer say which folder is damaged.
			"-loggerLevel=INFO", "-loggerFormat=default", "-loggerDisableTimestamps",
		}); err != nil {
			return fmt.Errorf("storage: settings of the engine: %w", err)
		}
		logger.InitNoLogFlags()
		logger.SetOutputForTests(lines{})     // its name aside, the library's way to take its log over
		vm.SetDedupInterval(time.Millisecond) // of two rows of one time the greater stays
		engine.ready = true
	}
	if engine.open == 0 {
		vm.SetFreeDiskSpaceLimit(0) // read by running stores without a lock
	}
	engine.open++
	return nil
}

// freezeEngine makes the engines that are opened next take no rows and merge
// nothing, whatever room there is, or lets them: our own guard of the disk says
// when. Where another store of the process is open, its engines read the limit:
// it stays.
func freezeEngine(frozen bool) {
	engine.mu.Lock()
	defer engine.mu.Unlock()
	if engine.open > 1 {
		return
	}
	limit := int64(0)
	if frozen {
		limit = math.MaxInt64
	}
	vm.SetFreeDiskSpaceLimit(limit)
}

func stopEngine() {
	engine.mu.Lock()
	defer engine.mu.Unlock()
	engine.open--
}

// lines turns the library's log, one message a call, into ours.
type lines struct{}

func (lines) Write(p []byte) (int, error) {
	tell(engine.log.Load(), string(p))
	return len(p), nil
}

// tell logs a message of the form "level TAB file TAB text". What the library
// calls information is of use to those only who look for a fault in it.
func tell(log *slog.Logger, message string) {
	word, rest, _ := strings.Cut(message, "\t")
	caller, text, ok := strings.Cut(rest, "\t")
	if !ok {
		word, caller, text = "warn", "", message
	}
	level := slog.LevelError
	switch word {
	case "info":
		level = slog.LevelDebug
	case "warn":
		level = slog.LevelWarn
	}
	log.Log(context.Background(), level, "storage engine", "said", strings.TrimSpace(text), "caller", caller)
}
