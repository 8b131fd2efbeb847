package lightkey

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"golang.org/x/crypto/scrypt"
)

// The smallest parameters that restic takes.
const (
	cost        = 2
	blockSize   = 1
	parallelism = 1
)

// file is a file below keys/, with the fields that restic writes.
type file struct {
	Created  json.RawMessage `json:"created"`
	Username string          `json:"username"`
	Hostname string          `json:"hostname"`
	KDF      string          `json:"kdf"`
	N        int             `json:"N"`
	R        int             `json:"r"`
	P        int             `json:"p"`
	Salt     []byte          `json:"salt"`
	Data     []byte          `json:"data"`
}

// Lighten returns a key file that holds the same master key for the same
// password, and its name, which restic checks: the hash of its content. It fails
// where the password does not open the key.
func Lighten(keyFile []byte, password string) (name string, light []byte, err error) {
	key, master, err := opened(keyFile, password)
	if err != nil {
		return "", nil, err
	}
	key.N, key.R, key.P = cost, blockSize, parallelism
	user, err := key.user(password)
	if err != nil {
		return "", nil, err
	}
	if key.Data, err = user.seal(master); err != nil {
		return "", nil, err
	}
	if light, err = json.Marshal(key); err != nil {
		return "", nil, fmt.Errorf("writing the key: %w", err)
	}
	sum := sha256.Sum256(light)
	return hex.EncodeToString(sum[:]), light, nil
}

// isLight reports whether a key file has the parameters that [Lighten] sets.
func isLight(keyFile []byte) bool {
	var key file
	err := json.Unmarshal(keyFile, &key)
	return err == nil && key.N == cost && key.R == blockSize && key.P == parallelism
}

// Reidentify returns the file config of a repository with a new, random id, and
// that id. A copy of a repository is another one with it.
func Reidentify(config, keyFile []byte, password string) (id string, changed []byte, err error) {
	_, text, err := opened(keyFile, password)
	if err != nil {
		return "", nil, err
	}
	master, err := masterKeys(text)
	if err != nil {
		return "", nil, err
	}
	plain, err := master.open(config)
	if err != nil {
		return "", nil, fmt.Errorf("opening the repository's config: %w", err)
	}
	var fields map[string]any
	if err := json.Unmarshal(plain, &fields); err != nil {
		return "", nil, fmt.Errorf("reading the repository's config: %w", err)
	}
	fresh := make([]byte, sha256.Size)
	_, _ = rand.Read(fresh) // never fails
	id = hex.EncodeToString(fresh)
	fields["id"] = id
	if plain, err = json.Marshal(fields); err != nil {
		return "", nil, fmt.Errorf("writing the repository's config: %w", err)
	}
	changed, err = master.seal(plain)
	return id, changed, err
}

// opened returns a key file and the JSON of the master key in it.
func opened(keyFile []byte, password string) (file, []byte, error) {
	var key file
	if err := json.Unmarshal(keyFile, &key); err != nil {
		return file{}, nil, fmt.Errorf("reading the key: %w", err)
	}
	if key.KDF != "scrypt" {
		return file{}, nil, fmt.Errorf("the key is derived by %q, not by scrypt", key.KDF)
	}
	user, err := key.user(password)
	if err != nil {
		return file{}, nil, err
	}
	master, err := user.open(key.Data)
	if err != nil {
		return file{}, nil, fmt.Errorf("opening the key with the password: %w", err)
	}
	return key, master, nil
}

// user returns the keys that the password stands for.
func (f file) user(password string) (keys, error) {
	derived, err := scrypt.Key([]byte(password), f.Salt, f.N, f.R, f.P, encryptionSize+2*macSize)
	if err != nil {
		return keys{}, fmt.Errorf("deriving the key: %w", err)
	}
	return keys{
		encryption: derived[:encryptionSize],
		macK:       derived[encryptionSize : encryptionSize+macSize],
		macR:       derived[encryptionSize+macSize:],
	}, nil
}

// masterKeys reads the JSON of a master key.
func masterKeys(text []byte) (keys, error) {
	var master struct {
		MAC     struct{ K, R []byte } `json:"mac"`
		Encrypt []byte                `json:"encrypt"`
	}
	if err := json.Unmarshal(text, &master); err != nil {
		return keys{}, fmt.Errorf("reading the master key: %w", err)
	}
	return keys{encryption: master.Encrypt, macK: master.MAC.K, macR: master.MAC.R}, nil
}

// Master is the master key of a repository.
type Master struct{ keys keys }

// OpenMaster returns the master key in a key file. It fails where the password does
// not open it.
func OpenMaster(keyFile []byte, password string) (Master, error) {
	_, text, err := opened(keyFile, password)
	if err != nil {
		return Master{}, err
	}
	master, err := masterKeys(text)
	return Master{master}, err
}

// Seal encrypts what goes into a repository's file.
func (m Master) Seal(plain []byte) ([]byte, error) { return m.keys.seal(plain) }

// Open returns what was sealed; it fails unless this key sealed it.
func (m Master) Open(sealed []byte) ([]byte, error) { return m.keys.open(sealed) }
