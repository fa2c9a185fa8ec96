package incident

// Memory is a Keeper that keeps nothing longer than it lives: of a time that is only
// played through.
type Memory map[string]Record

// SaveIncident implements Keeper.
func (m Memory) SaveIncident(r Record) error {
	m[r.Incident.ID] = r
	return nil
}

// Incident implements Keeper.
func (m Memory) Incident(id string) (Record, bool) {
	r, ok := m[id]
	return r, ok
}
