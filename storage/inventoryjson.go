package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"spate"
)

// The stored shapes have names of their own, so that renaming a field of a noun
// does not change what is on disk. A new shape gets the next version and a
// decoder for the old one.
const deviceShape = 1

type deviceJSON struct {
	V         int             `json:"v"`
	Name      string          `json:"name"`
	Address   string          `json:"address"`
	Site      string          `json:"site,omitempty"`
	SysName   string          `json:"sys_name,omitempty"`
	SysDescr  string          `json:"sys_descr,omitempty"`
	Vendor    string          `json:"vendor,omitempty"`
	UptimeMS  int64           `json:"uptime_ms,omitempty"`
	Limits    json.RawMessage `json:"limits,omitempty"`
	FirstSeen int64           `json:"first_seen"` // all times: ms since 1970, 0 none
	LastSeen  int64           `json:"last_seen"`
	Removed   int64           `json:"removed,omitempty"`
	Ports     []portJSON      `json:"ports"`
}

type portJSON struct {
	Name        string  `json:"name"`
	IfIndex     int     `json:"if_index"`
	Alias       string  `json:"alias,omitempty"`
	Descr       string  `json:"descr,omitempty"`
	Type        string  `json:"type,omitempty"`
	MAC         string  `json:"mac,omitempty"`
	Speed       float64 `json:"speed_bps,omitempty"`
	SpeedSource string  `json:"speed_source,omitempty"`
	Admin       string  `json:"admin,omitempty"`
	Oper        string  `json:"oper,omitempty"`
	HighLayer   bool    `json:"high_layer,omitempty"`
	FirstSeen   int64   `json:"first_seen"`
	LastSeen    int64   `json:"last_seen"`
	Removed     int64   `json:"removed,omitempty"`
}

func encodeDevice(d *DeviceRecord) ([]byte, error) {
	j := deviceJSON{
		V: deviceShape, Name: d.Device.Name, Address: d.Device.Address, Site: d.Device.Site,
		SysName: d.System.Name, SysDescr: d.System.Descr, Vendor: d.System.Vendor, UptimeMS: d.System.Uptime.Milliseconds(),
		Limits: d.Limits, FirstSeen: millis(d.FirstSeen), LastSeen: millis(d.LastSeen), Removed: millis(d.Removed),
		Ports: make([]portJSON, len(d.Ports)),
	}
	for i := range d.Ports {
		r := &d.Ports[i]
		p := &r.Port
		j.Ports[i] = portJSON{
			Name: p.ID.Name, IfIndex: p.IfIndex, Alias: p.Alias, Descr: p.Descr, Type: p.Type, MAC: p.MAC,
			Speed: float64(p.Speed), SpeedSource: string(p.SpeedSource), Admin: string(p.Admin), Oper: string(p.Oper),
			HighLayer: p.HighLayer, FirstSeen: millis(r.FirstSeen), LastSeen: millis(r.LastSeen), Removed: millis(r.Removed),
		}
	}
	return json.Marshal(j)
}

func decodeDevice(b []byte) (DeviceRecord, error) {
	var j deviceJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return DeviceRecord{}, err
	}
	if j.V != deviceShape {
		return DeviceRecord{}, fmt.Errorf("shape %d is not known, wanted %d", j.V, deviceShape)
	}
	if j.Name == "" {
		return DeviceRecord{}, errors.New("it has no name")
	}
	d := DeviceRecord{
		Device: spate.Device{Name: j.Name, Address: j.Address, Site: j.Site},
		System: spate.System{Name: j.SysName, Descr: j.SysDescr, Vendor: j.Vendor, Uptime: time.Duration(j.UptimeMS) * time.Millisecond},
		Limits: j.Limits, FirstSeen: instant(j.FirstSeen), LastSeen: instant(j.LastSeen), Removed: instant(j.Removed),
		Ports: make([]PortRecord, len(j.Ports)),
	}
	for i, p := range j.Ports {
		d.Ports[i] = PortRecord{
			Port: spate.Port{
				ID: spate.PortID{Device: j.Name, Name: p.Name}, IfIndex: p.IfIndex, Alias: p.Alias, Descr: p.Descr, Type: p.Type, MAC: p.MAC,
				Speed: spate.BitRate(p.Speed), SpeedSource: spate.SpeedSource(p.SpeedSource), Admin: spate.Status(p.Admin), Oper: spate.Status(p.Oper),
				HighLayer: p.HighLayer,
			},
			FirstSeen: instant(p.FirstSeen), LastSeen: instant(p.LastSeen), Removed: instant(p.Removed),
		}
	}
	return d, nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
