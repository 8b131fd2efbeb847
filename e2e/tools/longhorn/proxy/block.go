package proxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// The backup block sizes that Longhorn has from 1.10 on, in bytes.
const (
	smallBlock = int64(2) << 20
	largeBlock = int64(16) << 20
)

// blockRefusal says why a Longhorn whose setting default-backup-block-size is 16 refuses a request, in the words of
// ValidateBackupBlockSize in longhorn-manager 1.12.0; "" if it does not. Only requests to make a volume are.
func blockRefusal(r *http.Request) (string, error) {
	if r.Method != http.MethodPost || r.URL.Path != "/v1/volumes" {
		return "", nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return "", fmt.Errorf("read the request: %w", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var asked struct{ Name, Size, BackupBlockSize string }
	if json.Unmarshal(body, &asked) != nil {
		return "", nil // the API says what is wrong with it
	}
	size, err := strconv.ParseInt(asked.Size, 10, 64)
	if err != nil {
		return "", nil //nolint:nilerr // as above
	}
	block := largeBlock
	if asked.BackupBlockSize != "" {
		if block, err = strconv.ParseInt(asked.BackupBlockSize, 10, 64); err != nil {
			return "", nil //nolint:nilerr // as above
		}
	}
	const denied = `failed to create volume: unable to create volume %s: admission webhook "validator.longhorn.io" denied the request: `
	switch {
	case block != smallBlock && block != largeBlock:
		return fmt.Sprintf(denied+"unsupported BackupBlockSize: %d", asked.Name, block), nil
	case size%block != 0:
		return fmt.Sprintf(denied+"volume size %d must be an integer multiple of the backup block size %d", asked.Name, size, block), nil
	}
	return "", nil
}
