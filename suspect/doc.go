// Package suspect names the port where a flood comes in. It takes what every
// port carries beyond its usual ([spate.Excess]) and the links between devices,
// traces unusual traffic upstream and lets every trace vote at the boundary port
// where it ends: the mass of a flood lies on boundary ports only, for what comes
// in by a link came out of another device. It asks no clock and knows no devices
// but by name.
package suspect
