//go:build race

package main

// raced: the race detector takes ten times the memory and time, and what a program costs
// is not to be told by it.
const raced = true
