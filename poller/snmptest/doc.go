// Package snmptest is a scripted SNMP agent for tests, benchmarks and the lab:
// SNMPv1, SNMPv2c and SNMPv3, answered from a table that was recorded from a real
// device, written by a test, or computed like a switch's.
//
// An [Agent] answers one datagram with [Agent.Respond]. [NewConn] and [Network]
// put it behind a net.Conn in memory, which works inside testing/synctest;
// [Agent.ServeUDP] puts it on a socket. A [Quirk] makes it misbehave in one of
// the ways real devices do, so that the next vendor's bug is a ten-line test:
//
//	walk := snmptest.NewWalk()
//	walk.Set(mibs.IfIndex.OID.Row(1), snmptest.Int(1))
//	agent := snmptest.New(walk, snmptest.Config{})
//	agent.Misbehave(snmptest.TooBigOver(10))
//	conn := snmptest.NewConn(agent, snmptest.ConnConfig{Latency: 3 * time.Millisecond})
package snmptest
