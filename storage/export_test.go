package storage

import "log/slog"

// StepsOf reads a marker: pairs of since and step in ms.
func StepsOf(b []byte) ([][2]int64, error) {
	m, err := parseMarker("spate-store", b)
	if err != nil {
		return nil, err
	}
	var out [][2]int64
	for _, e := range m.Steps {
		out = append(out, [2]int64{e.Since, e.Step})
	}
	return out, nil
}

// Tell logs a message of the engine.
func Tell(log *slog.Logger, message string) { tell(log, message) }

// EncodeDevice and DecodeDevice are the stored form of a device.
var (
	EncodeDevice = encodeDevice
	DecodeDevice = decodeDevice
)

// PagesWritten counts what went to state.db since it was opened.
func PagesWritten(s *State) int64 {
	stats := s.db.Stats()
	return stats.TxStats.GetPageCount()
}

// Exported is a line of an export.
type Exported struct {
	Name, Device, Port string
	Values             []float64
	Times              []int64
}

// ParseExported reads a line of an export.
func ParseExported(line []byte) (Exported, error) {
	var e exported
	err := e.parse(line)
	return Exported{e.name, e.device, e.port, e.values, e.times}, err
}

// ParseExportedSlowly does so by encoding/json alone.
func ParseExportedSlowly(line []byte) (Exported, error) {
	var e exported
	err := e.parseSlowly(line)
	return Exported{e.name, e.device, e.port, e.values, e.times}, err
}
