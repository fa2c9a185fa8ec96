package web

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// A BackupResult says what a backup holds.
type BackupResult struct {
	Dir   string
	At    time.Time
	Files int
	Bytes int64
}

type backupLine struct {
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
	Dir   string `json:"dir,omitempty"` // of the last line: where it is
	At    *stamp `json:"at,omitempty"`
	Files int    `json:"files,omitempty"`
	Error string `json:"error,omitempty"` // of the last line: why there is none
}

const (
	mostBackupBody = 8 << 10
	linePatience   = time.Minute // for the caller to take a line
	mostBackupPath = 4096
	linesMediaType = "application/x-ndjson"
)

// makeBackup writes a backup into a folder of this machine, and says a line of
// how far it is now and then. It ends when the caller leaves.
func (s *Server) makeBackup(c *gin.Context) error {
	if s.backup == nil {
		return newProblem(http.StatusNotFound, "", "this server has no store to back up")
	}
	if kind, _, err := mime.ParseMediaType(c.GetHeader("Content-Type")); err != nil || kind != "application/json" {
		return newProblem(http.StatusUnsupportedMediaType, "Content-Type", "Content-Type: wanted application/json")
	}
	text, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, mostBackupBody))
	if err != nil {
		return newProblem(http.StatusUnprocessableEntity, "", "the body cannot be read: %v", err)
	}
	var want struct{ Dir string }
	if err := json.Unmarshal(text, &want); err != nil || want.Dir == "" || len(want.Dir) > mostBackupPath {
		return newProblem(http.StatusBadRequest, "dir", `dir: wanted {"dir": "/absolute/path"} of a folder that is new or empty`)
	}
	control := http.NewResponseController(c.Writer)
	// The body has been read; from here on only the caller's leaving ends it.
	if err := control.SetReadDeadline(time.Time{}); err != nil && !isUnsupported(err) {
		return err
	}
	say := saying(c)
	got, err := s.backup(c.Request.Context(), want.Dir, func(done, total int64) { say(backupLine{Done: done, Total: total}) })
	if err != nil {
		s.log.Warn("backup failed", "dir", want.Dir, "err", err)
		if c.Writer.Written() {
			say(backupLine{Error: err.Error()})
			return nil
		}
		if errors.Is(err, c.Request.Context().Err()) {
			return err
		}
		return newProblem(http.StatusUnprocessableEntity, "dir", "%v", err)
	}
	s.log.Info("backup written", "dir", got.Dir, "files", got.Files, "bytes", got.Bytes)
	at := stamp(got.At)
	say(backupLine{Done: got.Bytes, Total: got.Bytes, Dir: got.Dir, At: &at, Files: got.Files})
	return nil
}

// saying gives a function that writes a JSON object a line, as work goes on.
func saying(c *gin.Context) func(line any) {
	control := http.NewResponseController(c.Writer)
	return func(line any) {
		body, err := json.Marshal(line)
		if err != nil {
			return
		}
		_ = control.SetWriteDeadline(time.Now().Add(linePatience))
		if !c.Writer.Written() {
			c.Header("Cache-Control", "no-store")
			c.Header("Content-Type", linesMediaType)
			c.Status(http.StatusOK)
		}
		if _, err := c.Writer.Write(append(body, '\n')); err == nil {
			c.Writer.Flush()
		}
	}
}
