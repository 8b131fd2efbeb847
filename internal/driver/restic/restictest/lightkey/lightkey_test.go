package lightkey_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest/lightkey"
)

const password = "the password of a light key"

// program is a restic on one repository.
type program struct{ path, repository, cache string }

func (p program) run(password string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(context.Background(), p.path, args...)
	cmd.Env = append(os.Environ(), "RESTIC_REPOSITORY="+p.repository, "RESTIC_PASSWORD="+password, "RESTIC_CACHE_DIR="+p.cache)
	return cmd.CombinedOutput()
}

func (p program) must(t *testing.T, args ...string) []byte {
	t.Helper()
	out, err := p.run(password, args...)
	require.NoError(t, err, "restic %v: %s", args, out)
	return out
}

// onlyKey returns the path and content of the repository's one key.
func onlyKey(t *testing.T, repository string) (string, []byte) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(repository, "keys"))
	require.NoError(t, err)
	require.Len(t, entries, 1)
	path := filepath.Join(repository, "keys", entries[0].Name())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return path, content
}

func TestALightKeyOpensWhatTheOneBeforeOpened(t *testing.T) {
	for version, restic := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			p := program{path: restic(t), repository: filepath.Join(t.TempDir(), "repository"), cache: t.TempDir()}
			p.must(t, "init")
			data := filepath.Join(t.TempDir(), "data")
			require.NoError(t, os.WriteFile(data, []byte("data from before"), 0o600))
			p.must(t, "backup", data)
			heavyPath, heavy := onlyKey(t, p.repository)
			before := stat(t, heavyPath)

			require.Error(t, lightkey.Replace(p.repository, "another password"))
			samePath, same := onlyKey(t, p.repository)
			require.Equal(t, heavyPath, samePath)
			require.Equal(t, heavy, same, "what cannot be opened is left")

			require.NoError(t, lightkey.Replace(p.repository, password))
			path, light := onlyKey(t, p.repository)
			sum := sha256.Sum256(light)
			assert.Equal(t, hex.EncodeToString(sum[:]), filepath.Base(path), "restic finds a key by its hash")
			assert.Less(t, costOf(t, light)*1000, costOf(t, heavy))
			after := stat(t, path)
			assert.Equal(t, []uint32{before.Uid, before.Gid, before.Mode}, []uint32{after.Uid, after.Gid, after.Mode})

			out, err := p.run("another password", "snapshots")
			require.Error(t, err)
			assert.Contains(t, string(out), "wrong password or no key found")
			assert.Equal(t, "data from before", string(p.must(t, "dump", "latest", data)))
			require.NoError(t, os.WriteFile(data, []byte("data from after"), 0o600))
			p.must(t, "backup", data)
			p.must(t, "check", "--read-data")
			require.NoError(t, lightkey.Replace(p.repository, password))
			samePath, _ = onlyKey(t, p.repository)
			assert.Equal(t, path, samePath, "a light key stays")
			assert.Equal(t, "data from after", string(p.must(t, "dump", "latest", data)))
		})
	}
}

func TestACopyWithAnIDOfItsOwnIsARepositoryOfItsOwn(t *testing.T) {
	for version, restic := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			p := program{path: restic(t), repository: filepath.Join(t.TempDir(), "repository"), cache: t.TempDir()}
			p.must(t, "init")
			require.NoError(t, lightkey.Replace(p.repository, password))
			config := filepath.Join(p.repository, "config")
			written, err := os.ReadFile(config)
			require.NoError(t, err)
			was := configOf(t, p)
			_, key := onlyKey(t, p.repository)

			_, _, err = lightkey.Reidentify(written, key, "another password")
			require.Error(t, err)
			written[len(written)-1] ^= 1
			_, _, err = lightkey.Reidentify(written, key, password)
			require.ErrorContains(t, err, "its MAC is not that of this key")
			written[len(written)-1] ^= 1

			id, changed, err := lightkey.Reidentify(written, key, password)
			require.NoError(t, err)
			require.NoError(t, os.Chmod(config, 0o600))
			require.NoError(t, os.WriteFile(config, changed, 0o600))
			is := configOf(t, p)
			assert.Equal(t, id, is["id"])
			assert.NotEqual(t, was["id"], is["id"])
			delete(was, "id")
			delete(is, "id")
			assert.Equal(t, was, is, "nothing else changes")
			p.must(t, "backup", t.TempDir())
			p.must(t, "check", "--read-data")
		})
	}
}

func TestWhatIsNoKeyIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":               "{",
		"another derivation":    `{"kdf":"argon2","N":2,"r":1,"p":1}`,
		"parameters of nothing": `{"kdf":"scrypt","N":0,"r":1,"p":1}`,
		"no data":               `{"kdf":"scrypt","N":2,"r":1,"p":1,"salt":"AAAA"}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := lightkey.Lighten([]byte(text), password)
			assert.Error(t, err)
			_, _, err = lightkey.Reidentify(nil, []byte(text), password)
			assert.Error(t, err)
		})
	}
	assert.Error(t, lightkey.Replace(t.TempDir(), password), "a folder that is no repository")
	empty := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(empty, "keys"), 0o700))
	assert.ErrorContains(t, lightkey.Replace(empty, password), "has no key")
}

func configOf(t *testing.T, p program) map[string]any {
	t.Helper()
	var config map[string]any
	out := p.must(t, "cat", "config", "--quiet")
	require.NoError(t, json.Unmarshal(out[bytes.IndexByte(out, '{'):], &config))
	return config
}

func costOf(t *testing.T, key []byte) int {
	t.Helper()
	var parameters struct {
		N int `json:"N"`
		R int `json:"r"`
		P int `json:"p"`
	}
	require.NoError(t, json.Unmarshal(key, &parameters))
	return parameters.N * parameters.R * parameters.P
}

func stat(t *testing.T, path string) *syscall.Stat_t {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Sys().(*syscall.Stat_t)
}
