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
