package lab_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spate/lab"
	"spate/mibs"
	"spate/poller/snmptest"
)

// serve runs a farm until the test ends.
func serve(t testing.TB, nodes []lab.Node) []lab.Node {
	t.Helper()
	farm, err := lab.Listen(nodes, 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- farm.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the farm ended with %v", err)
		}
	})
	return farm.Nodes()
}

func nameRequest(t testing.TB, community string) []byte {
	t.Helper()
	name, err := snmptest.NameOf(mibs.SysName.Instance(0))
	if err != nil {
		t.Fatal(err)
	}
	m := snmptest.Message{
		Version: snmptest.V2c, Community: []byte(community), Type: snmptest.Get, RequestID: 9,
		Vars: []snmptest.Var{{Name: name, Value: snmptest.Null()}},
	}
	return m.Append(nil)
}

func TestEverySwitchAnswersFromItsOwnAddress(t *testing.T) {
	nodes := serve(t, lab.Switches(lab.SwitchesConfig{Count: 300, Ports: 4, Dead: 0.2, Community: "lab"}))
	client, err := net.ListenUDP("udp4", &net.UDPAddr{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	byAddress := map[netip.AddrPort]string{}
	dead := 0
	for _, n := range nodes {
		if _, err := client.WriteToUDPAddrPort(nameRequest(t, "lab"), n.Address); err != nil {
			t.Fatal(err)
		}
		if n.Dead() {
			dead++
			continue
		}
		byAddress[n.Address] = n.Name
	}
	if dead != 60 {
		t.Errorf("%d of 300 are dead, want a fifth", dead)
	}
	buf := make([]byte, 2000)
	_ = client.SetReadDeadline(time.Now().Add(20 * time.Second))
	for len(byAddress) > 0 {
		n, from, err := client.ReadFromUDPAddrPort(buf)
		if err != nil {
			t.Fatalf("%d switches did not answer: %v", len(byAddress), err)
		}
		got, err := snmptest.Decode(buf[:n])
		if err != nil {
			t.Fatal(err)
		}
		if name := string(got.Vars[0].Value.Bytes); name != byAddress[from] {
			t.Errorf("%s says it is %q, want %q", from, name, byAddress[from])
		}
		delete(byAddress, from)
	}
}

func TestTheDeadAreSpreadEvenly(t *testing.T) {
	for share, want := range map[float64]int{0: 0, 0.2: 2, 0.25: 2, 1: 10} {
		dead := 0
		for _, n := range lab.Switches(lab.SwitchesConfig{Count: 10, Ports: 1, Dead: share}) {
			if n.Dead() {
				dead++
			}
		}
		if dead != want {
			t.Errorf("a share of %g makes %d of 10 dead, want %d", share, dead, want)
		}
	}
}

func TestListenSaysWhatIsInTheWay(t *testing.T) {
	one := lab.Switches(lab.SwitchesConfig{Count: 1, Ports: 1})
	farm, err := lab.Listen(one, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer farm.Close()
	taken := farm.Nodes()[0].Address.Port()
	if _, err := lab.Listen(one, taken); err == nil || !strings.Contains(err.Error(), "port 0") {
		t.Errorf("a taken port gives %v, want a hint at port 0", err)
	}
}

func TestRecordingsAreServedUnderTheirNames(t *testing.T) {
	folder := t.TempDir()
	text := string(mibs.SysName.Instance(0)) + "|4|recorded\n"
	for _, file := range []string{"vendor-a.snmprec", "vendor-b.snmprec"} {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	nodes, err := lab.Recordings(folder, snmptest.Config{})
	if err != nil || len(nodes) != 2 || nodes[1].Name != "vendor-b" {
		t.Fatalf("%+v, %v", nodes, err)
	}
	got, err := snmptest.Decode(nodes[1].Agent.Respond(nameRequest(t, "public"), nil))
	if err != nil || string(got.Vars[0].Value.Bytes) != "recorded" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRecordingsOfAnEmptyFolderAreAnError(t *testing.T) {
	folder := t.TempDir()
	if _, err := lab.Recordings(folder, snmptest.Config{}); err == nil || !strings.Contains(err.Error(), folder) {
		t.Errorf("got %v, want an error that names the folder", err)
	}
}
