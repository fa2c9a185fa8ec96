// Package incident keeps what is told to people: one incident for each flood or
// fault, whatever the number of ports. It takes findings and faults, decides what
// is recorded and what is paged, words the sentence, and follows each incident
// until it is over. Times come with the data; it asks no clock.
package incident
