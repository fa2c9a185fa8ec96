package web

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
)

type changeAnswer struct {
	At       stamp  `json:"at"`
	Until    stamp  `json:"until"` // of an incident that has ended
	Device   string `json:"device"`
	Port     fact   `json:"port"` // null: the device as a whole
	Kind     string `json:"kind"`
	Text     string `json:"text"`
	Incident fact   `json:"incident"`
}

// listChanges answers what a person wants to know beside the rates of a port:
// restarts, changes of its speed and state, and incidents it took part in.
func (s *Server) listChanges(c *gin.Context) error {
	q := c.Request.URL.Query()
	id := spate.PortID{Device: q.Get("device"), Name: q.Get("port")}
	if id.Device == "" || id.Name == "" {
		return newProblem(http.StatusBadRequest, "port", "device and port: both are wanted")
	}
	from, to, err := rangeParams(q, time.Now())
	if err != nil {
		return err
	}
	list := []changeAnswer{}
	for _, x := range s.changesOf(id, from, to) {
		list = append(list, changeAnswer{At: stamp(x.At), Device: id.Device, Port: fact(x.Port.Name), Kind: string(x.Kind), Text: x.Text})
	}
	for _, in := range s.incidentsOf(id, from, to) {
		a := changeAnswer{At: stamp(in.StartedAt), Device: id.Device, Port: fact(id.Name), Kind: "incident", Text: shade(in).Label, Incident: fact(in.ID)}
		if in.EndedAt != nil {
			a.Until = stamp(*in.EndedAt)
		}
		list = append(list, a)
	}
	slices.SortStableFunc(list, func(a, b changeAnswer) int {
		return cmp.Compare(time.Time(a.At).UnixNano(), time.Time(b.At).UnixNano())
	})
	return s.writeJSON(c, struct {
		Changes []changeAnswer `json:"changes"`
		Next    fact           `json:"next"`
	}{list, ""})
}
