// Package importrrd reads the round-robin files of LibreNMS, Cacti and MRTG, as
// `rrdtool dump` writes them, and makes histories of them. It is the only place
// of the command that starts another program.
package importrrd
