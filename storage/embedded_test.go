package storage_test

import (
	"log/slog"
	"testing"

	"spate/storage"
	"spate/storage/storagetest"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func config(folder string) storage.Config {
	cfg := storage.DefaultConfig()
	cfg.Path = folder
	cfg.Step = storagetest.Step
	cfg.MemoryBytes = 64 << 20
	return cfg
}

func open(t testing.TB, cfg storage.Config) *storage.Embedded {
	t.Helper()
	e, err := storage.Open(cfg, quiet())
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func TestEmbeddedHoldsToTheContract(t *testing.T) {
	storagetest.Run(t, func(t *testing.T, folder string) storagetest.Store { return open(t, config(folder)) })
}

func TestEmbeddedAnswersAsTheTruthDoes(t *testing.T) {
	for seed := range uint64(2) {
		storagetest.Random(t, func(t *testing.T, folder string) storagetest.Store { return open(t, config(folder)) }, seed)
	}
}
