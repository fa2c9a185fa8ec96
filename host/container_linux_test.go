package host_test

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"spate/host"
)

// A container with users of its own (rootless, LXC, userns-remap) sends as its user 33,
// who has another number outside. The kernel tells the number of the socket's network
// namespace, which is the container's: all packets are counted, and for 33.
func TestUsersOfAContainer(t *testing.T) {
	needs(t, "nsenter", "sleep")
	enterNamespace(t)
	outside := 1_000_000_000 + 100_000*(os.Getpid()%10_000)
	mine := []syscall.SysProcIDMap{{ContainerID: 0, HostID: outside, Size: 65536}}
	container := exec.Command("sleep", "300")
	container.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET, UidMappings: mine, GidMappings: mine}
	if err := container.Start(); err != nil {
		t.Skipf("no user namespaces here: %v", err)
	}
	t.Cleanup(func() { _ = container.Process.Kill(); _ = container.Wait() })
	pid := strconv.Itoa(container.Process.Pid)
	ip(t, "link", "add", "va", "type", "veth", "peer", "name", "vb", "netns", pid)
	ip(t, "link", "set", "va", "up")
	for _, args := range [][]string{{"addr", "add", "10.77.0.2/24", "dev", "vb"}, {"link", "set", "vb", "up"}, {"neigh", "add", "10.77.0.9", "lladdr", "02:00:00:00:00:99", "dev", "vb", "nud", "permanent"}} {
		command(t, "nsenter", append([]string{"-t", pid, "-n", "ip"}, args...)...)
	}
	c, err := host.NewSKB()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	before, after := map[uint32]host.Tally{}, map[uint32]host.Tally{}
	if err := c.Users(before); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nsenter", "-t", pid, "-U", "-n", "-S", "0", "-G", "0", forEverybody(t))
	cmd.Env = []string{"SPATE_TEST_SEND=udp 10.77.0.9:53 1000 1000", "SPATE_TEST_UID=33"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := c.Users(after); err != nil {
		t.Fatal(err)
	}
	sent := host.Tally{Octets: after[33].Octets - before[33].Octets, Packets: after[33].Packets - before[33].Packets}
	if all := (host.Tally{Octets: 1000 * 1028, Packets: 1000}); sent != all || after[uint32(outside+33)] != (host.Tally{}) {
		t.Errorf("user 33 sent %+v, wanted %+v; user %d sent %+v", sent, all, outside+33, after[uint32(outside+33)])
	}
}
