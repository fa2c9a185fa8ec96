package graph_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"spate"
	"spate/graph"
)

// axisOf draws an empty range and reads the labels of its time axis from left
// to right.
func axisOf(t *testing.T, from, to time.Time, zone *time.Location, width int) (labels []string, columns []int) {
	t.Helper()
	r := graph.NewRenderer()
	p := graph.Picture{Frame: &spate.Frame{From: from, To: to, Step: time.Minute}, Width: width, Height: 300, Zone: zone}
	area, _ := graph.PlotArea(r, p)
	clock := regexp.MustCompile(`^(\d\d:\d\d( [A-Z]+)?|[A-Z][a-z]{2} \d+|\d+ [A-Z][a-z]{2}|[A-Z][a-z]{2}|\d{4})$`)
	for _, text := range textsOf(t, svgOf(t, r, p)) {
		if text.anchor == "middle" && text.y > area.Max.Y && clock.MatchString(text.content) {
			labels, columns = append(labels, text.content), append(columns, text.x-area.Min.X)
		}
	}
	return labels, columns
}

func TestTheTimeAxisFollowsTheClockOnTheWall(t *testing.T) {
	zone := berlin(t)
	at := func(month time.Month, day, hour, minute int) time.Time {
		return time.Date(2026, month, day, hour, minute, 0, 0, zone)
	}
	tests := []struct {
		name     string
		from, to time.Time
		width    int
		want     string
	}{
		{"an ordinary day", at(11, 24, 13, 37), at(11, 25, 13, 37), 1200,
			"14:00 16:00 18:00 20:00 22:00 Wed-25 02:00 04:00 06:00 08:00 10:00 12:00"},
		{"the night clocks are put back", at(10, 24, 22, 0), at(10, 25, 6, 0), 1200,
			"22:00 23:00 Sun-25 01:00 02:00 03:00 04:00 05:00 06:00"},
		{"the hour that comes twice, in steps below an hour", at(10, 25, 0, 0).Add(90 * time.Minute), at(10, 25, 4, 0), 1700,
			"01:30 01:45 02:00 02:15 02:30 02:45 02:00-CET 02:15-CET 02:30-CET 02:45-CET 03:00 03:15 03:30 03:45 04:00"},
		{"the night clocks are put forward", at(3, 28, 22, 0), at(3, 29, 6, 0), 800,
			"22:00 23:00 Sun-29 01:00 03:00 04:00 05:00 06:00"},
		{"the hour that does not come, in steps below an hour", at(3, 29, 1, 0), at(3, 29, 4, 0), 1800,
			"01:00 01:10 01:20 01:30 01:40 01:50 03:00 03:10 03:20 03:30 03:40 03:50 04:00"},
		{"the day clocks are put back", at(10, 25, 0, 0), at(10, 26, 0, 0), 1200,
			"Sun-25 02:00 04:00 06:00 08:00 10:00 12:00 14:00 16:00 18:00 20:00 22:00 Mon-26"},
		{"the day clocks are put forward", at(3, 29, 0, 0), at(3, 30, 0, 0), 1200,
			"Sun-29 04:00 06:00 08:00 10:00 12:00 14:00 16:00 18:00 20:00 22:00 Mon-30"},
		{"the week clocks are put back", at(10, 20, 0, 0), at(10, 27, 0, 0), 800,
			"Tue-20 Wed-21 Thu-22 Fri-23 Sat-24 Sun-25 Mon-26 Tue-27"},
		{"a month, by Mondays", at(10, 1, 0, 0), at(11, 15, 0, 0), 700,
			"5-Oct 12-Oct 19-Oct 26-Oct 2-Nov 9-Nov"},
		{"a year", at(1, 1, 0, 0), at(12, 31, 0, 0), 1200, "2026 Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"},
		{"ten years", time.Date(2016, 6, 1, 0, 0, 0, 0, zone), at(6, 1, 0, 0), 1200,
			"Jul 2017 Jul 2018 Jul 2019 Jul 2020 Jul 2021 Jul 2022 Jul 2023 Jul 2024 Jul 2025 Jul 2026"},
		{"a quarter of an hour", at(11, 24, 13, 0), at(11, 24, 13, 15), 400, "13:00 13:05 13:10 13:15"},
		{"a range of nothing", at(11, 24, 13, 0), at(11, 24, 13, 0), 400, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			labels, columns := axisOf(t, tt.from, tt.to, zone, tt.width)
			for i := range labels {
				labels[i] = strings.ReplaceAll(labels[i], " ", "-")
			}
			if got := strings.Join(labels, " "); got != tt.want {
				t.Errorf("labels\n %s, want\n %s", got, tt.want)
			}
			if !slices.IsSorted(columns) {
				t.Errorf("labels are not in order: %v", columns)
			}
		})
	}
}

func TestLabelsStandWhereTheirTimeIs(t *testing.T) {
	zone := berlin(t)
	from := time.Date(2026, 10, 24, 22, 0, 0, 0, zone)
	to := time.Date(2026, 10, 25, 6, 0, 0, 0, zone) // nine hours later
	labels, columns := axisOf(t, from, to, zone, 1200)
	width := graph.NewRenderer().Columns(1200)
	i := slices.Index(labels, "03:00")
	if i < 0 {
		t.Fatalf("no 03:00 among %v", labels)
	}
	if want := width * 6 / 9; columns[i] < want-1 || columns[i] > want+1 {
		t.Errorf("03:00 CET stands at column %d of %d, want %d: six of nine hours", columns[i], width, want)
	}
}

// No zone and no range may make an axis with labels that are doubled, out of
// order or on top of each other, nor one that takes for ever to make.
func FuzzTimeAxis(f *testing.F) {
	zones := []string{"UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo", "America/Sao_Paulo", "Pacific/Apia"}
	f.Add(int64(1774738800), int64(86400), uint8(1), 1200)
	f.Add(int64(1792879200), int64(7200), uint8(3), 400)
	f.Add(int64(1325239200), int64(3*86400), uint8(6), 800) // Apia skips 30 December 2011
	f.Add(int64(-62135596800), int64(1)<<40, uint8(2), 200)
	f.Fuzz(func(t *testing.T, from, span int64, zone uint8, width int) {
		location, err := time.LoadLocation(zones[int(zone)%len(zones)])
		if err != nil {
			t.Skip(err)
		}
		if graph.CheckSize(width, 300) != nil || span < 0 || span > 1<<40 || from < -1<<40 || from > 1<<40 {
			t.Skip()
		}
		start := time.Unix(from, 0)
		labels, columns := axisOf(t, start, start.Add(time.Duration(min(span, 9e9))*time.Second), location, width)
		for i := 1; i < len(labels); i++ {
			if columns[i] <= columns[i-1] {
				t.Errorf("%q at %d follows %q at %d", labels[i], columns[i], labels[i-1], columns[i-1])
			}
			if labels[i] == labels[i-1] {
				t.Errorf("%q stands twice", labels[i])
			}
		}
	})
}
