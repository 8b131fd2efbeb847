package mover

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// compareTrees goes through a volume and looks for each of its entries on another
// one. What differs goes to problem; an error says that it could not be told.
func compareTrees(ctx context.Context, source, target string, contents bool, problem func(string)) error {
	err := filepath.WalkDir(source, func(from string, entry fs.DirEntry, err error) error {
		inner, relErr := filepath.Rel(source, from)
		switch {
		case err != nil || relErr != nil:
			return errors.Join(err, relErr)
		case ctx.Err() != nil:
			return ctx.Err()
		case inner == "." || inner == lostAndFound && !entry.IsDir():
			return nil
		case inner == lostAndFound:
			return filepath.SkipDir
		}
		differs, err := compareEntry(from, filepath.Join(target, inner), contents)
		if differs != "" {
			problem("/" + inner + ": " + differs)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("comparing the volumes: %w", err)
	}
	return nil
}

// compareEntry says how an entry differs from the one it should equal; "" if it does
// not.
func compareEntry(from, to string, contents bool) (differs string, err error) {
	var want, have unix.Stat_t
	if err := unix.Lstat(from, &want); err != nil {
		return "", &fs.PathError{Op: "lstat", Path: from, Err: err}
	}
	switch err := unix.Lstat(to, &have); {
	case isMissing(err):
		return "missing", nil
	case err != nil:
		return "", &fs.PathError{Op: "lstat", Path: to, Err: err}
	}
	regular := want.Mode&unix.S_IFMT == unix.S_IFREG
	switch {
	case want.Mode&unix.S_IFMT != have.Mode&unix.S_IFMT:
		return "not of the same type", nil
	case regular && want.Size != have.Size:
		return fmt.Sprintf("%d bytes instead of %d", have.Size, want.Size), nil
	}
	wanted := attributes{uid: int(want.Uid), gid: int(want.Gid), mode: modeOf(want.Mode), modified: time.Unix(want.Mtim.Unix())}
	if differs := wanted.differ(have); differs != "" || !contents || !regular {
		return differs, nil
	}
	same, err := sameContents(from, to)
	if err == nil && !same {
		differs = "not the same content"
	}
	return differs, err
}

// modeOf turns the kernel's bits into a mode of package fs.
func modeOf(bits uint32) fs.FileMode {
	mode := fs.FileMode(bits & uint32(fs.ModePerm))
	for flag, bit := range map[fs.FileMode]uint32{fs.ModeSetuid: unix.S_ISUID, fs.ModeSetgid: unix.S_ISGID, fs.ModeSticky: unix.S_ISVTX} {
		if bits&bit != 0 {
			mode |= flag
		}
	}
	return mode
}

// sameContents reports whether two files hold the same bytes.
func sameContents(a, b string) (bool, error) {
	one, err := os.Open(a) // #nosec G304 -- on the volume
	if err != nil {
		return false, err
	}
	defer one.Close()      //nolint:errcheck // only read from
	two, err := os.Open(b) // #nosec G304 -- on the volume
	if err != nil {
		return false, err
	}
	defer two.Close() //nolint:errcheck // only read from
	const chunk = 1 << 20
	left, right := make([]byte, chunk), make([]byte, chunk)
	for {
		n, errOne := io.ReadFull(one, left)
		m, errTwo := io.ReadFull(two, right)
		if !bytes.Equal(left[:n], right[:m]) {
			return false, nil
		}
		ended := errors.Is(errOne, io.EOF) || errors.Is(errOne, io.ErrUnexpectedEOF)
		switch {
		case errOne != nil && !ended:
			return false, errOne
		case ended && (errTwo == nil || errors.Is(errTwo, io.EOF) || errors.Is(errTwo, io.ErrUnexpectedEOF)):
			return errTwo != nil, nil
		case errTwo != nil:
			return false, errTwo
		}
	}
}
