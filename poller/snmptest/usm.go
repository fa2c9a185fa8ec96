package snmptest

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	_ "crypto/md5"    // RFC 3414
	_ "crypto/sha1"   // RFC 3414
	_ "crypto/sha256" // RFC 7860
	_ "crypto/sha512" // RFC 7860
	"encoding/binary"
	"time"

	"spate/mibs"
)

// A User is an SNMPv3 user of an agent. Auth is MD5, SHA or SHA224 to SHA512, or
// empty; Priv is AES or empty (RFC 3826).
type User struct {
	Name, Auth, AuthPassword, Priv, PrivPassword string
}

// Engine makes an agent speak SNMPv3. The zero value does not.
type Engine struct {
	ID    []byte
	Boots int32 // snmpEngineBoots at the start; every Restart adds one
	Users []User
}

type digest struct {
	hash   crypto.Hash
	octets int
}

var digests = map[string]digest{
	"MD5": {crypto.MD5, 12}, "SHA": {crypto.SHA1, 12}, "SHA224": {crypto.SHA224, 16},
	"SHA256": {crypto.SHA256, 24}, "SHA384": {crypto.SHA384, 32}, "SHA512": {crypto.SHA512, 48},
}

// usm is an engine at work. ahead is how far its clock is from the agent's.
type usm struct {
	Engine
	ahead    time.Duration
	keys     map[string]keys // by user and engine
	master   map[string][]byte
	salt     uint64
	reported uint32
}

// keys are a user's at one engine.
type keys struct {
	digest
	auth, priv []byte
}

func newUSM(e Engine) *usm {
	return &usm{Engine: e, keys: map[string]keys{}, master: map[string][]byte{}}
}

func (u *usm) user(name []byte) (User, bool) {
	for _, user := range u.Users {
		if user.Name == string(name) {
			return user, true
		}
	}
	return User{}, false
}

// level is the highest level that a user has.
func (u User) level() byte {
	switch {
	case u.Auth == "":
		return 0
	case u.Priv == "":
		return FlagAuth
	}
	return FlagAuth | FlagPriv
}

// at localises a user's keys to an engine (RFC 3414, section 2.6).
func (u *usm) at(user User, engine []byte) keys {
	id := user.Name + "\x00" + string(engine)
	if k, ok := u.keys[id]; ok {
		return k
	}
	d := digests[user.Auth]
	k := keys{digest: d}
	if d.octets > 0 {
		k.auth = u.localised(d.hash, user.AuthPassword, engine)
		if user.Priv != "" {
			k.priv = u.localised(d.hash, user.PrivPassword, engine)[:16]
		}
	}
	u.keys[id] = k
	return k
}

func (u *usm) localised(hash crypto.Hash, password string, engine []byte) []byte {
	id := hash.String() + password
	master := u.master[id]
	if master == nil {
		h := hash.New()
		const octets = 1 << 20 // RFC 3414, appendix A.2
		for n := 0; n < octets; n += len(password) {
			h.Write([]byte(password)[:min(len(password), octets-n)])
		}
		master = h.Sum(nil)
		u.master[id] = master
	}
	h := hash.New()
	h.Write(master)
	h.Write(engine)
	h.Write(master)
	return h.Sum(nil)
}

// mac is the digest of a message whose own is zeros.
func (k keys) mac(message []byte) []byte {
	h := hmac.New(k.hash.New, k.auth)
	h.Write(message)
	return h.Sum(nil)[:k.octets]
}

// crypt encrypts or decrypts (RFC 3826, section 3.1).
func (k keys) crypt(s *Secure, content []byte, encrypt bool) []byte {
	block, err := aes.NewCipher(k.priv)
	if err != nil {
		panic(err) // the key has 16 octets
	}
	var iv [16]byte
	binary.BigEndian.PutUint32(iv[:], uint32(s.Boots))
	binary.BigEndian.PutUint32(iv[4:], uint32(s.Time))
	copy(iv[8:], s.Salt)
	out := make([]byte, len(content))
	if encrypt {
		cipher.NewCFBEncrypter(block, iv[:]).XORKeyStream(out, content) //nolint:staticcheck // RFC 3826 wants CFB
	} else {
		cipher.NewCFBDecrypter(block, iv[:]).XORKeyStream(out, content) //nolint:staticcheck // RFC 3826 wants CFB
	}
	return out
}

// seal writes a message whose Scoped is in the clear, encrypted and with the
// digest that its Flags ask for.
func (u *usm) seal(s Secure) []byte {
	user, _ := u.user(s.User)
	k := u.at(user, s.Engine)
	if s.Flags&FlagPriv != 0 && k.priv != nil {
		u.salt++
		s.Salt = saltOf(u.salt)
		s.Scoped = k.crypt(&s, appendElement(nil, tagSequence, s.Scoped), true)
	}
	if s.Flags&FlagAuth == 0 || k.octets == 0 {
		return s.Append(nil)
	}
	s.Digest = make([]byte, k.octets)
	out := s.Append(nil)
	written, err := DecodeSecure(out)
	if err != nil {
		return out // a quirk has made it unreadable, as it wants to be
	}
	copy(written.Digest, k.mac(out))
	return out
}

// open verifies and decrypts a request (RFC 3414, section 3.2), or names the
// counter of the report it gets instead.
func (u *usm) open(s *Secure, datagram []byte, now int32) (why mibs.OID) {
	user, known := u.user(s.User)
	level := s.Flags & (FlagAuth | FlagPriv)
	switch {
	case string(s.Engine) != string(u.ID):
		return mibs.UsmStatsUnknownEngineIDs
	case !known:
		return mibs.UsmStatsUnknownUserNames
	case level != user.level():
		return mibs.UsmStatsUnsupportedSecLevels
	case level == 0:
		return ""
	}
	k := u.at(user, u.ID)
	said := append([]byte(nil), s.Digest...)
	clear(s.Digest)
	if !hmac.Equal(said, k.mac(datagram)) {
		return mibs.UsmStatsWrongDigests
	}
	if off := s.Time - now; s.Boots != u.Boots || off > 150 || off < -150 {
		return mibs.UsmStatsNotInTimeWindows
	}
	if level&FlagPriv == 0 {
		return ""
	}
	e := elements(k.crypt(s, s.Scoped, false))
	scoped, err := e.want(tagSequence)
	if err != nil {
		return mibs.UsmStatsDecryptionErrors
	}
	s.Scoped = scoped
	return ""
}
