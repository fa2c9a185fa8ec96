// Package fabric is a simulated network in memory: borders, cores, distribution
// and access switches with hosts behind them, whose traffic is conserved from
// port to port, with floods on a script and the truth to test against. It needs
// no sockets: a device gives [spate.Round] and [spate.Tables] as the poller would.
package fabric
