package lightkey

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/poly1305" //nolint:staticcheck // restic's format asks for Poly1305-AES by itself
)

const (
	encryptionSize = 32
	macSize        = 16
)

// keys encrypt and authenticate: AES-256 in counter mode, then Poly1305-AES.
type keys struct{ encryption, macK, macR []byte }

// seal returns IV || ciphertext || MAC.
func (k keys) seal(plain []byte) ([]byte, error) {
	iv := make([]byte, aes.BlockSize)
	_, _ = rand.Read(iv) // never fails
	text, err := k.stream(iv, plain)
	if err != nil {
		return nil, err
	}
	once, err := k.once(iv)
	if err != nil {
		return nil, err
	}
	var tag [poly1305.TagSize]byte
	poly1305.Sum(&tag, text, &once)
	return slices.Concat(iv, text, tag[:]), nil
}

// open returns what was sealed; it fails unless the MAC is right.
func (k keys) open(sealed []byte) ([]byte, error) {
	if len(sealed) < aes.BlockSize+poly1305.TagSize {
		return nil, errors.New("it is too short")
	}
	iv, rest := sealed[:aes.BlockSize], sealed[aes.BlockSize:]
	text, tag := rest[:len(rest)-poly1305.TagSize], rest[len(rest)-poly1305.TagSize:]
	once, err := k.once(iv)
	if err != nil {
		return nil, err
	}
	if !poly1305.Verify((*[poly1305.TagSize]byte)(tag), text, &once) {
		return nil, errors.New("its MAC is not that of this key")
	}
	return k.stream(iv, text)
}

// stream encrypts or decrypts.
func (k keys) stream(iv, in []byte) ([]byte, error) {
	block, err := aes.NewCipher(k.encryption)
	if err != nil {
		return nil, fmt.Errorf("the encryption key: %w", err)
	}
	out := make([]byte, len(in))
	cipher.NewCTR(block, iv).XORKeyStream(out, in)
	return out, nil
}

// once returns the Poly1305 key of one message: r || AES_k(iv).
func (k keys) once(iv []byte) (key [32]byte, err error) {
	block, err := aes.NewCipher(k.macK)
	if err != nil {
		return key, fmt.Errorf("the key of the MAC: %w", err)
	}
	copy(key[:macSize], k.macR)
	block.Encrypt(key[macSize:], iv)
	return key, nil
}
