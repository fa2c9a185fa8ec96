package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"

	"github.com/VictoriaMetrics/VictoriaMetrics/lib/encoding"
)

// The engine keeps a month's rows in parts, each a folder. parts.json of a month
// lists the parts that count; others are remains of a merge and ignored.

// checkParts reads what the engine reads when it opens, and gives the times of
// the oldest and the newest row in ms, 0 when there is none.
func checkParts(path string) (oldest, newest int64, err error) {
	oldest = math.MaxInt64
	parts, err := rowParts(path)
	if err != nil {
		return 0, 0, err
	}
	for part := range parts {
		var about struct{ RowsCount, MinTimestamp, MaxTimestamp int64 }
		if err := readJSON(filepath.Join(part, "metadata.json"), &about); err != nil {
			return 0, 0, err
		}
		oldest, newest = min(oldest, about.MinTimestamp), max(newest, about.MaxTimestamp)
	}
	names, err := nameParts(path)
	if err != nil {
		return 0, 0, err
	}
	maps.Copy(parts, names)
	for part := range parts {
		if err := checkIndex(filepath.Join(part, "metaindex.bin")); err != nil {
			return 0, 0, err
		}
	}
	if oldest == math.MaxInt64 {
		oldest = 0
	}
	return oldest, newest, nil
}

// rowParts is the set of folders with rows.
func rowParts(path string) (map[string]bool, error) {
	parts := map[string]bool{}
	lists, err := filepath.Glob(filepath.Join(path, "data", "small", "*", "parts.json"))
	for _, list := range lists {
		var names struct{ Small, Big []string }
		if err := readJSON(list, &names); err != nil {
			return nil, err
		}
		month := filepath.Dir(list)
		for _, name := range names.Small {
			parts[filepath.Join(month, name)] = true
		}
		for _, name := range names.Big {
			parts[filepath.Join(path, "data", "big", filepath.Base(month), name)] = true
		}
	}
	return parts, err
}

// nameParts is the set of folders with the names of series.
func nameParts(path string) (map[string]bool, error) {
	parts := map[string]bool{}
	lists, err := filepath.Glob(filepath.Join(path, "data", "indexdb", "*", "parts.json"))
	for _, list := range lists {
		var names []string
		if err := readJSON(list, &names); err != nil {
			return nil, err
		}
		for _, name := range names {
			parts[filepath.Join(filepath.Dir(list), name)] = true
		}
	}
	return parts, err
}

func checkIndex(file string) error {
	b, err := os.ReadFile(file)
	if err == nil {
		_, err = encoding.DecompressZSTD(nil, b)
	}
	return damaged(file, err)
}

func readJSON(file string, into any) error {
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	return damaged(file, err)
}

func damaged(file string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("storage: read %s: %w: give it to user %d", file, reason(err), os.Getuid())
	}
	return fmt.Errorf("storage: %s is damaged (%w): restore the folder from a backup, or move it away to begin anew", file, reason(err))
}

// largestPart is the size of the largest part of a tier's folder in octets.
func largestPart(path string) uint64 {
	most := uint64(0)
	folders, _ := filepath.Glob(filepath.Join(path, "data", "*", "*", "*")) // the pattern is sound
	for _, folder := range folders {
		files, _ := os.ReadDir(folder) // a part that has just been merged away counts nothing
		size := uint64(0)
		for _, f := range files {
			if about, err := f.Info(); err == nil {
				size += uint64(about.Size())
			}
		}
		most = max(most, size)
	}
	return most
}
