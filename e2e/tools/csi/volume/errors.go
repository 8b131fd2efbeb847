package volume

import "errors"

var (
	// ErrInvalid marks a handle that cannot be a volume's.
	ErrInvalid = errors.New("invalid volume handle")
	// ErrNotFound marks a volume that does not exist.
	ErrNotFound = errors.New("volume not found")
	// ErrConflict marks a volume that exists and differs from what was asked for.
	ErrConflict = errors.New("volume exists with other properties")
	// ErrInUse marks a volume that is mounted somewhere.
	ErrInUse = errors.New("volume is in use")
)
