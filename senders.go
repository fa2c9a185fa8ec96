package spate

// Senders is what is known of who sends on the machines behind a port: from their
// agents, and from the lines of their kernels' logs. Lists are empty where nothing is
// known.
type Senders struct {
	Users    List[UserShare] // the greatest share first
	Talkers  List[Talker]
	Evidence List[Evidence]
}
