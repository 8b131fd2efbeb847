package kopia

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/kopia/kopia/repo/format"

	"github.com/soteria-dr/soteria/internal/driver/kopia/scrypt"
)

// The ways to derive a key from a password, as kopia.repository names them.
const (
	byScrypt = "scrypt-65536-8-1"
	byPBKDF2 = "pbkdf2-sha256-600000"
)

// kopiaScrypt are the parameters of byScrypt.
var kopiaScrypt = scrypt.Params{N: 65536, R: 8}

const keySize = 32

// relock gives a kopia.repository that says the same and opens with a new random
// password. Kopia's scrypt takes 64 MiB to derive a key, more than a small replica
// has: it is done here, and Kopia is left one that takes none. A wrong password is
// [format.ErrInvalidPassword].
func relock(parsed format.KopiaRepositoryJSON, password string) (description []byte, another string, err error) {
	key, err := scrypt.Key(password, parsed.UniqueID, kopiaScrypt, keySize)
	if err != nil {
		return nil, "", err
	}
	plain, err := decrypt(parsed, key)
	if err != nil {
		return nil, "", err
	}
	var config format.EncryptedRepositoryConfig
	if err := json.Unmarshal(plain, &config); err != nil {
		return nil, "", fmt.Errorf("reading the format of the repository: %w", err)
	}
	another = rand.Text()
	parsed.KeyDerivationAlgorithm = byPBKDF2
	key, err = parsed.DeriveFormatEncryptionKeyFromPassword(another)
	if err != nil {
		return nil, "", err
	}
	if err := parsed.EncryptRepositoryConfig(&config.Format, key); err != nil {
		return nil, "", err
	}
	description, err = json.Marshal(parsed)
	return description, another, err
}

// decrypt opens what is encrypted in a kopia.repository: AES-GCM, with keys that
// HKDF derives from the one of the password.
func decrypt(parsed format.KopiaRepositoryJSON, key []byte) ([]byte, error) {
	if parsed.EncryptionAlgorithm != format.DefaultFormatEncryption {
		return nil, fmt.Errorf("kopia.repository is encrypted by %q, which is not known", parsed.EncryptionAlgorithm)
	}
	cipherKey, err := hkdf.Key(sha256.New, key, parsed.UniqueID, "AES", keySize)
	if err != nil {
		return nil, err
	}
	bound, err := hkdf.Key(sha256.New, key, parsed.UniqueID, "CHECKSUM", keySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(cipherKey)
	if err != nil {
		return nil, err
	}
	sealed, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	text := parsed.EncryptedFormatBytes
	if len(text) < sealed.NonceSize() {
		return nil, fmt.Errorf("kopia.repository is cut off")
	}
	plain, err := sealed.Open(nil, text[:sealed.NonceSize()], text[sealed.NonceSize():], bound)
	if err != nil {
		return nil, format.ErrInvalidPassword
	}
	return plain, nil
}
