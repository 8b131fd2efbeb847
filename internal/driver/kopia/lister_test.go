package kopia_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/kopia"
	"github.com/soteria-dr/soteria/internal/driver/kopia/kopiatest"
	"github.com/soteria-dr/soteria/internal/secret"
)

var (
	claim = backup.Claim{Namespace: "apps", Name: "data"}
	other = backup.Claim{Namespace: "apps", Name: "other"}
	then  = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// in gives a driver on a folder.
func in(t testing.TB, folder string) *kopia.Driver {
	t.Helper()
	return with(t, kopia.Config{Path: folder, Password: secret.New(kopiatest.Password)})
}

func with(t testing.TB, cfg kopia.Config) *kopia.Driver {
	t.Helper()
	require.Empty(t, cfg.Validate())
	d, err := kopia.New(cfg)
	require.NoError(t, err)
	return d
}

// each does something to every blob of a sort.
func each(prefix string, spoil func(path string) error) func(*testing.T, string) {
	return func(t *testing.T, folder string) {
		for _, path := range kopiatest.Blobs(t, folder, prefix) {
			require.NoError(t, spoil(path))
		}
	}
}

func cutOff(path string) error { return os.Truncate(path, 20) }

func garbled(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for i := range text {
		text[i] ^= 1
	}
	return os.WriteFile(path, text, 0o600)
}

// spoils are ways to spoil a repository after which no listing may succeed.
var spoils = map[string]func(*testing.T, string){
	"an empty folder": func(t *testing.T, folder string) {
		require.NoError(t, os.RemoveAll(folder))
		require.NoError(t, os.Mkdir(folder, 0o700))
	},
	"a missing mount": func(t *testing.T, folder string) { require.NoError(t, os.RemoveAll(folder)) },
	"a missing kopia.repository": func(t *testing.T, folder string) {
		require.NoError(t, os.Remove(filepath.Join(folder, "kopia.repository.f")))
	},
	"a kopia.repository that was cut off": func(t *testing.T, folder string) {
		require.NoError(t, cutOff(filepath.Join(folder, "kopia.repository.f")))
	},
	"a kopia.repository that is empty": func(t *testing.T, folder string) {
		require.NoError(t, os.Truncate(filepath.Join(folder, "kopia.repository.f"), 0))
	},
	"an index that was cut off":             each("x", cutOff),
	"an index that is not what was written": each("x", garbled),
	"packs that were cut off":               each("q", cutOff),
	"packs that are not what was written":   each("q", garbled),
	"packs that are missing":                each("q", os.Remove),
	"an index and packs that are missing":   func(t *testing.T, f string) { each("x", os.Remove)(t, f); each("q", os.Remove)(t, f) },
	"a description of how blobs are spread that is not one": func(t *testing.T, folder string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, ".shards"), []byte("{"), 0o600))
	},
}

func TestItListsAsADriverMust(t *testing.T) {
	seed := kopiatest.New(t)
	seed.Backup(t, claim, then)
	broken := map[string]func(*testing.T) driver.Lister{
		"a wrong password": func(t *testing.T) driver.Lister {
			return with(t, kopia.Config{Path: seed.Folder, Password: secret.New("wrong")})
		},
		"a file without a password": func(t *testing.T) driver.Lister {
			return with(t, kopia.Config{Path: seed.Folder, PasswordFile: filepath.Join(t.TempDir(), "none")})
		},
	}
	for sentence, spoil := range spoils {
		broken[sentence] = func(t *testing.T) driver.Lister {
			folder := seed.Copy(t)
			spoil(t, folder)
			return in(t, folder)
		}
	}
	drivertest.ListerSuite{
		New: func(t *testing.T) drivertest.Repository {
			r := kopiatest.New(t)
			return drivertest.Repository{Lister: in(t, r.Folder), ID: r.ID, Add: func(t *testing.T, claim backup.Claim, takenAt time.Time) string {
				return r.Backup(t, claim, takenAt)
			}}
		},
		Absent: func(t *testing.T) driver.Lister { return in(t, t.TempDir()) },
		Broken: broken,
		Hangs: func(t *testing.T) driver.Lister {
			folder := t.TempDir()
			pipe := filepath.Join(folder, "kopia.repository.f")
			require.NoError(t, syscall.Mkfifo(pipe, 0o600))
			t.Cleanup(func() { // lets go who waits for somebody to write
				if writer, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
					writer.Close()
				}
			})
			return in(t, folder)
		},
	}.Run(t)
}
