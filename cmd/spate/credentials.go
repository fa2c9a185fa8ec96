package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"spate"
	"spate/cmd/spate/config"
	"spate/web"
)

func roleFlag(cmd *cobra.Command, role *string) {
	cmd.Flags().StringVar(role, "role", "viewer", "viewer, operator or admin")
}

func (a *app) checkRole(role string) error {
	switch role {
	case "viewer", "operator", "admin":
		return nil
	}
	return a.misused("-role %s, wanted viewer, operator or admin", printable(role))
}

func userCommand(a *app) *cobra.Command {
	user := &cobra.Command{Use: "user", Short: "Users who log in to the pages"}
	var role string
	add := &cobra.Command{
		Use:   "add NAME",
		Short: "Print the [[user]] stanza of a new user; the password is asked for",
		Long:  "Asks for a password, or reads a line of it from standard input, and prints the stanza for config.toml with its argon2id hash. Nothing is written.",
		Args:  cobra.ExactArgs(1),
		RunE: a.does(func(_ context.Context, args []string) error {
			if err := a.checkRole(role); err != nil {
				return err
			}
			return a.addUser(args[0], role)
		}),
	}
	roleFlag(add, &role)
	user.AddCommand(add)
	return user
}

func (a *app) addUser(name, role string) error {
	if spate.Clean(name) != name || name == "" || len(name) > 64 {
		return a.misused("the name %s, wanted at most 64 letters", printable(name))
	}
	password, err := a.password()
	if err != nil {
		return err
	}
	hash, err := web.HashPassword(password)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "[[user]]\nname = %q\nrole = %q\npassword_hash = %q\n", name, role, hash.Reveal())
	return nil
}

// password asks twice on a terminal, and reads one line elsewhere.
func (a *app) password() (spate.Secret, error) {
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		line, err := bufio.NewReader(io.LimitReader(os.Stdin, 4096)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the password: %w", err)
		}
		return spate.Secret(strings.TrimRight(line, "\r\n")), nil
	}
	ask := func(what string) (string, error) {
		fmt.Fprint(a.err, what)
		b, err := term.ReadPassword(fd)
		fmt.Fprintln(a.err)
		return string(b), err
	}
	first, err := ask("Password: ")
	if err != nil {
		return "", err
	}
	again, err := ask("Once more: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", errors.New("the two passwords differ")
	}
	return spate.Secret(first), nil
}

func tokenCommand(a *app) *cobra.Command {
	token := &cobra.Command{Use: "token", Short: "Tokens of programs and screens"}
	var role string
	add := &cobra.Command{
		Use:   "add NAME",
		Short: "Print a new token, and the [[token]] stanza that knows it",
		Long:  "Prints a random token of 256 bits, which is shown this once, and the stanza for config.toml with its SHA-256. Nothing is written.",
		Args:  cobra.ExactArgs(1),
		RunE: a.does(func(_ context.Context, args []string) error {
			if role == string(config.Pusher) {
				if !spate.ValidDevice(args[0]) {
					return a.misused("the name %s, wanted that of the machine: letters, digits, and . _ - between them", printable(args[0]))
				}
			} else if err := a.checkRole(role); err != nil {
				return fmt.Errorf("%w, or agent", err)
			}
			return a.addToken(args[0], role)
		}),
	}
	add.Flags().StringVar(&role, "role", "viewer", "viewer, operator or admin; agent: for spate agent on the machine NAME")
	token.AddCommand(add)
	return token
}

func (a *app) addToken(name, role string) error {
	if spate.Clean(name) != name || name == "" || len(name) > 64 {
		return a.misused("the name %s, wanted at most 64 letters", printable(name))
	}
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return err
	}
	text := hex.EncodeToString(b)
	sum := sha256.Sum256([]byte(text))
	if a.json {
		fmt.Fprintf(a.out, "{\"name\":%q,\"role\":%q,\"token\":%q,\"sha256\":%q}\n", name, role, text, hex.EncodeToString(sum[:]))
		return nil
	}
	fmt.Fprintf(a.out, "# the token, shown this once: %s\n[[token]]\nname = %q\nrole = %q\nsha256 = %q\n", text, name, role, hex.EncodeToString(sum[:]))
	return nil
}
