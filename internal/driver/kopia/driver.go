package kopia

import (
	"bytes"
	"errors"
	"io/fs"
	"os"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/secret"
)

// Driver is the Kopia driver. It is safe for concurrent use.
type Driver struct {
	cfg   Config
	store store

	// turn is held by the one listing that reads the repository, and guards open.
	turn chan struct{}
	// open is the repository as the last listing left it; nil before the first.
	open *repository
}

var _ driver.Lister = (*Driver)(nil)

// New makes the driver. The configuration must be valid. Nothing is read before
// the first listing.
func New(cfg Config) (*Driver, error) {
	d := &Driver{cfg: cfg, turn: make(chan struct{}, 1)}
	if cfg.Path != "" {
		d.store = newFolder(cfg.Path)
		return d, nil
	}
	bucket, err := newBucket(cfg)
	if err != nil {
		return nil, err
	}
	d.store = bucket
	return d, nil
}

// Name implements [driver.Lister].
func (d *Driver) Name() string { return d.cfg.Name() }

// password gives the repository's password as it is now.
func (d *Driver) password() (secret.String, error) {
	if d.cfg.PasswordFile == "" {
		return d.cfg.Password, nil
	}
	text, err := os.ReadFile(d.cfg.PasswordFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return secret.String{}, backup.Errorf(backup.Credentials, "the file %s with the repository's password does not exist", d.cfg.PasswordFile)
	case err != nil:
		return secret.String{}, backup.Errorf(backup.Credentials, "reading the repository's password: %w", err)
	}
	// `echo` puts a line end there.
	text = bytes.TrimRight(text, "\r\n")
	if len(text) == 0 {
		return secret.String{}, backup.Errorf(backup.Credentials, "the file %s with the repository's password is empty", d.cfg.PasswordFile)
	}
	return secret.New(string(text)), nil
}
