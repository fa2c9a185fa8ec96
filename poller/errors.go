package poller

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"spate"
)

// What can be wrong with a device, told apart as far as the protocol allows.
var (
	ErrNoAnswer          = errors.New("no answer")
	ErrNoAnswerEncrypted = errors.New("answers SNMPv3 discovery but not the encrypted request")
	ErrUnreadable        = errors.New("the answer cannot be read")
	ErrUnknownUser       = errors.New("SNMPv3 user unknown to the device")
	ErrWrongDigest       = errors.New("SNMPv3 authentication failed")
	ErrSecurityLevel     = errors.New("the device does not offer this SNMPv3 security level")
	ErrDecryption        = errors.New("the device cannot decrypt the request")
	ErrUnknownContext    = errors.New("SNMPv3 context unknown to the device")
	ErrNoAddress         = errors.New("the host name has no address")
	ErrDenied            = errors.New("the device denies access")
	ErrNoPorts           = errors.New("the device lists no interfaces")
	ErrWalk              = errors.New("table cannot be read")
	ErrBudget            = errors.New("the round took longer than its time")
)

// explain turns an error of one device into the sentence that an operator
// reads: device, what happened, how long it was tried, and what to try next.
func explain(t Target, err error, took time.Duration, packets uint64) error {
	return &DeviceError{Device: t.Device.Name, Err: err, text: sentence(t, err, took, packets)}
}

// A DeviceError is what an operator is told about a device.
type DeviceError struct {
	Device string
	Err    error
	text   string
}

// Error is the whole sentence.
func (e *DeviceError) Error() string { return e.text }

// Unwrap gives one of the errors above, or the library's.
func (e *DeviceError) Unwrap() error { return e.Err }

func sentence(t Target, err error, took time.Duration, packets uint64) string {
	name, host, cred := t.Device.Name, hostOf(t.Device.Address), t.Credentials
	next, told := advice(cred, host, portOf(t.Device.Address)), spate.Clean(err.Error())
	hint := ""
	for _, a := range next {
		if errors.Is(err, a.err) {
			hint = a.text
			break
		}
	}
	if errors.Is(err, ErrNoAnswer) || errors.Is(err, ErrNoAnswerEncrypted) {
		told = fmt.Sprintf("%s in %s (%s)", told, roughly(took), requests(packets))
	}
	if hint != "" {
		told += ": " + hint
	}
	return fmt.Sprintf("%s: %s; try: spate walk %s", name, told, name)
}

type hint struct {
	err  error
	text string
}

// advice says what to look at for each error. Silence can have several reasons
// that no client can tell apart: an agent says nothing to a wrong community.
func advice(cred Credentials, host, port string) []hint {
	table := "snmp." + cred.Name
	silent := fmt.Sprintf("is UDP %s open to %s, and is %s.community right? agents stay silent to a wrong one", port, host, table)
	if cred.Version == V3 {
		silent = fmt.Sprintf("is UDP %s open to %s, and does it speak SNMPv3?", port, host)
	}
	return []hint{
		{ErrNoAnswerEncrypted, fmt.Sprintf("is %s wrong? agents stay silent to what they cannot decrypt", secretParts(cred, table))},
		{ErrNoAnswer, silent},
		{ErrUnknownUser, fmt.Sprintf("create it on the device, or correct %s.user", table)},
		{ErrWrongDigest, fmt.Sprintf("is %s.auth_password or auth_protocol wrong?", table)},
		{ErrSecurityLevel, fmt.Sprintf("does the device's user have authentication and privacy as in %s?", table)},
		{ErrDecryption, fmt.Sprintf("is %s.priv_password or priv_protocol wrong?", table)},
		{ErrUnknownContext, fmt.Sprintf("correct %s.context", table)},
		{ErrNoAddress, "correct the device's address, or look at this machine's name servers"},
		{ErrDenied, fmt.Sprintf("does its view allow ifTable to %s at this security level (authentication, privacy)?", table)},
		{ErrNoPorts, "does its view allow ifTable and ifXTable to this user or community?"},
		{ErrUnreadable, "does something else than an SNMP agent answer there?"},
	}
}

func secretParts(cred Credentials, table string) string {
	parts := table + ".priv_password or priv_protocol"
	if cred.Context != "" {
		parts += fmt.Sprintf(", or the context %q", cred.Context)
	}
	return parts
}

func requests(n uint64) string {
	if n == 1 {
		return "1 request"
	}
	return fmt.Sprintf("%d requests", n)
}

func roughly(d time.Duration) string {
	if d < 10*time.Second {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), ".0") + " s"
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}
