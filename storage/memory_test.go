package storage_test

import (
	"testing"

	"spate/storage/storagetest"
)

func TestTheTruthHoldsToTheContract(t *testing.T) {
	folders := map[string]*storagetest.MemoryFolder{}
	storagetest.Run(t, func(_ *testing.T, folder string) storagetest.Store {
		if folders[folder] == nil {
			folders[folder] = &storagetest.MemoryFolder{}
		}
		return storagetest.OpenMemory(folders[folder])
	})
}
