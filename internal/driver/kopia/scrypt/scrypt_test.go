package scrypt_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	reference "golang.org/x/crypto/scrypt"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/driver/kopia/scrypt"
)

func TestTheKeysAreThoseOfTheReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.String().Draw(t, "password")
		salt := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "salt")
		params := scrypt.Params{N: 1 << rapid.IntRange(1, 7).Draw(t, "log N"), R: rapid.IntRange(1, 9).Draw(t, "R")}
		size := rapid.IntRange(1, 70).Draw(t, "size")
		want, err := reference.Key([]byte(password), salt, params.N, params.R, 1, size)
		require.NoError(t, err)
		got, err := scrypt.Key(password, salt, params, size)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	})
}

func TestKopiasParametersGiveTheKeyOfTheReference(t *testing.T) {
	salt := []byte("0123456789abcdef0123456789abcdef")
	want, err := reference.Key([]byte("a password"), salt, 65536, 8, 1, 32)
	require.NoError(t, err)
	got, err := scrypt.Key("a password", salt, scrypt.Params{N: 65536, R: 8}, 32)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestParametersThatCannotBeAreRefused(t *testing.T) {
	for _, params := range []scrypt.Params{{}, {N: 1, R: 8}, {N: 12, R: 8}, {N: 16}, {N: -16, R: 8}} {
		_, err := scrypt.Key("a password", []byte("salt"), params, 32)
		assert.Error(t, err, params)
	}
}

func BenchmarkKopiasParameters(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, err := scrypt.Key("a password", []byte("salt"), scrypt.Params{N: 65536, R: 8}, 32)
		require.NoError(b, err)
	}
}
