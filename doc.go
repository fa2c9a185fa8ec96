// Package spate holds the nouns of Spate: devices and their ports, the samples
// read from them, the rates between two samples, and the frames a store answers
// with. It imports the standard library only, and every other room imports it.
//
// A reading goes one way: a datagram becomes a [Sample] (room poller), two
// samples become a [Rate] or a [Gap] ([Between]), a device's readings travel as
// one [Round] to the live board (web), the store (storage) and, later, the
// detector. Readers come in through room web only.
package spate
