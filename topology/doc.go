// Package topology knows which port leads where: links between polled devices,
// what each port is for, and which host sits behind which access port, each with
// its evidence. It is told tables as they were read ([spate.Tables]), the ports
// of every device and, for links that nobody announces, their rates; it asks no
// clock and reads nothing itself.
package topology
