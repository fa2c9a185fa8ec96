package web

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"spate"
)

// The cost of a password, RFC 9106, section 4, second recommended option: 64 MiB,
// three passes.
const (
	argonTime    = 3
	argonMemory  = 64 << 10 // KiB
	argonThreads = 4
	argonKey     = 32
	argonSalt    = 16
	mostPassword = 1024 // octets
)

// HashPassword is the argon2id hash of a password in its usual $ form.
func HashPassword(password spate.Secret) (spate.Secret, error) {
	if len(password) < 10 || len(password) > mostPassword {
		return "", errors.New("a password has 10 to 1024 characters")
	}
	salt := make([]byte, argonSalt)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	key := argon2.IDKey([]byte(password.Reveal()), salt, argonTime, argonMemory, argonThreads, argonKey)
	enc := base64.RawStdEncoding
	return spate.Secret(fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads, enc.EncodeToString(salt), enc.EncodeToString(key))), nil
}

// nobodysHash is what is compared for a name that is none, so that it takes as long.
const nobodysHash spate.Secret = "$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// verifyPassword compares in a time that depends on the hash's cost alone. Costs that
// would take the machine's memory are refused.
func verifyPassword(hash, password spate.Secret) bool {
	parts := strings.Split(hash.Reveal(), "$")
	if len(parts) != 6 || len(password) > mostPassword {
		return false
	}
	var memory, times uint32
	var threads uint8
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &times, &threads); n != 3 || err != nil || memory > 1<<20 || times == 0 || times > 16 || threads == 0 {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || err2 != nil || len(key) < 16 {
		return false
	}
	got := argon2.IDKey([]byte(password.Reveal()), salt, times, memory, threads, uint32(len(key)))
	return subtle.ConstantTimeCompare(got, key) == 1
}
