package lightkey

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// AddSnapshots writes snapshots into a repository's folder as restic writes them, and
// returns their ids. Each is what restic encodes as JSON. Making thousands takes a
// second, where restic takes as many runs.
func AddSnapshots(repository, password string, snapshots []map[string]any) ([]string, error) {
	keyFiles, err := filepath.Glob(filepath.Join(repository, "keys", "*"))
	if err != nil || len(keyFiles) == 0 {
		return nil, fmt.Errorf("the repository at %s has no key", repository)
	}
	keyFile, err := os.ReadFile(keyFiles[0])
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	_, text, err := opened(keyFile, password)
	if err != nil {
		return nil, err
	}
	master, err := masterKeys(text)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(repository, "snapshots"), 0o700); err != nil { // an object store has no empty folders
		return nil, fmt.Errorf("making the folder of snapshots: %w", err)
	}
	ids := make([]string, 0, len(snapshots))
	for _, fields := range snapshots {
		plain, err := json.Marshal(fields)
		if err != nil {
			return nil, fmt.Errorf("writing a snapshot: %w", err)
		}
		sealed, err := master.seal(plain)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(sealed)
		id := hex.EncodeToString(sum[:])
		if err := os.WriteFile(filepath.Join(repository, "snapshots", id), sealed, 0o600); err != nil {
			return nil, fmt.Errorf("writing a snapshot: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}
