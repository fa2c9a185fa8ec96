package web

import (
	"bytes"
	"encoding/csv"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
)

func wantsCSV(c *gin.Context) bool {
	return c.Query("format") == "csv" || strings.HasPrefix(c.GetHeader("Accept"), "text/csv")
}

// csvNumber leaves the cell of an unknown figure empty.
func csvNumber(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return ""
	}
	return string(appendNumber(nil, v))
}

func (s *Server) writeCSV(c *gin.Context, name string, rows [][]string) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	c.Header("Content-Disposition", `attachment; filename="`+name+`"`)
	c.Header("Cache-Control", "no-store")
	return s.send(c, http.StatusOK, "text/csv; charset=utf-8", b.Bytes())
}

func seriesRows(f *spate.Frame) [][]string {
	head := []string{"time"}
	for _, s := range f.Series {
		name := s.Metric.String()
		head = append(head, name+"_avg", name+"_max")
		if s.Min != nil {
			head = append(head, name+"_min")
		}
	}
	rows := make([][]string, 0, f.Len()+1)
	rows = append(rows, head)
	for i := range f.Len() {
		row := append(make([]string, 0, len(head)), f.From.Add(time.Duration(i)*f.Step).UTC().Format(time.RFC3339))
		for _, s := range f.Series {
			row = append(row, csvNumber(at(s.Avg, i)), csvNumber(at(s.Max, i)))
			if s.Min != nil {
				row = append(row, csvNumber(at(s.Min, i)))
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// at is value i, unknown beyond the end: a store that answers short must not
// end the server.
func at(v []float64, i int) float64 {
	if i >= len(v) {
		return math.NaN()
	}
	return v[i]
}

func (s *Server) writePortsCSV(c *gin.Context, list []portJSON, next string) error {
	head := []string{"device", "port", "if_index", "alias", "descr", "type", "speed_bps", "speed_source", "admin", "oper", "gap", "at"}
	for m := range spate.NumMetrics {
		head = append(head, m.String())
	}
	rows := [][]string{head}
	for _, p := range list {
		row := []string{
			spate.SheetCell(p.Device), spate.SheetCell(p.Port), strconv.Itoa(p.IfIndex), spate.SheetCell(string(p.Alias)), spate.SheetCell(string(p.Descr)), spate.SheetCell(string(p.Type)),
			csvNumber(float64(p.SpeedBps)), string(p.SpeedSource), string(p.Admin), string(p.Oper), string(p.Gap),
		}
		rows = append(rows, append(row, rateCells(p.Rate)...))
	}
	if next != "" {
		q := c.Request.URL.Query()
		q.Set("cursor", next)
		c.Header("Link", `<`+c.Request.URL.Path+`?`+q.Encode()+`>; rel="next"`)
	}
	return s.writeCSV(c, "ports.csv", rows)
}

func rateCells(r *rateJSON) []string {
	cells := make([]string, spate.NumMetrics+1)
	if r == nil {
		return cells
	}
	cells[0] = r.at.UTC().Format(time.RFC3339)
	for m, v := range r.values {
		cells[m+1] = csvNumber(float64(rounded(spate.Metric(m), v)))
	}
	return cells
}
