package mover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
)

// listing is what `restic ls` prints of a snapshot. It is read from the repository
// once and kept, since it is needed when the restore begins and after it has ended.
type listing struct {
	// own is true where a backup Job of Soteria's made the snapshot.
	own bool
	// chain is the way down from the top on which every folder holds a single entry
	// that may be a part of the backed up path.
	chain []rootFolder
	nodes spool
}

// lsLine is a line of `restic ls --json`: first the snapshot, then its nodes.
type lsLine struct {
	node
	Paths []string `json:"paths"`
	Tags  []string `json:"tags"`
	Host  string   `json:"hostname"`
}

// errRefused is the cause of errors that say of a snapshot that it cannot be restored
// as it was asked for. Trying again would find the same.
var errRefused = errors.New("the snapshot cannot be restored as it was asked for")

// refusal is an error with errRefused as a cause.
func refusal(kind backup.Kind, format string, args ...any) error {
	return &backup.Error{Kind: kind, Message: fmt.Sprintf(format, args...), Err: errRefused}
}

// list reads the snapshot's list. It checks what the snapshot says of itself before it
// reads on. The caller closes the listing.
func (w restoreWork) list(ctx context.Context, p Process, program cli.Program) (*listing, error) {
	l := &listing{nodes: spool{folder: w.repository.scratch}}
	way := newDescent(w.folder)
	described := false
	var refused error
	err := program.Run(ctx, cli.Invocation{
		Args: []string{"ls", "--json", "--no-lock", w.snapshot},
		Stdout: func(stdout io.Reader) error {
			return eachLine(stdout, func(text []byte) error {
				var line lsLine
				if err := json.Unmarshal(text, &line); err != nil {
					return fmt.Errorf("the list of the snapshot's files: %w", err)
				}
				switch {
				case line.is("snapshot"):
					described = true
					l.own, refused = w.describes(line)
					return refused
				case !line.is("node"):
					return nil
				}
				way.see(line.node)
				return l.nodes.add(text)
			})
		},
		Stderr:    tell(p),
		Otherwise: backup.DriverFailed,
	})
	switch {
	case refused != nil:
		err = refused
	case err != nil:
		err = fmt.Errorf("listing snapshot %.8s: %w", w.snapshot, err)
	case !described:
		err = backup.Errorf(backup.DriverFailed, "listing snapshot %.8s: restic did not say what it is of", w.snapshot)
	default:
		err = l.nodes.end()
	}
	if err != nil {
		l.close()
		return nil, err
	}
	l.chain = way.chain()
	return l, nil
}

// describes reads what the snapshot says of itself, checks that it is of the folder,
// and reports whether a backup Job of Soteria's made it: such a Job always names the
// whole path.
func (w restoreWork) describes(line lsLine) (own bool, err error) {
	if !slices.Equal(line.Paths, []string{w.folder}) {
		return false, refusal(backup.DriverFailed, "snapshot %.8s holds no folder %s: it is of %s", w.snapshot, w.folder, strings.Join(line.Paths, ", "))
	}
	namespace, name, _ := strings.Cut(line.Host, "/")
	return slices.Contains(line.Tags, "namespace="+namespace) && slices.Contains(line.Tags, "pvc="+name), nil
}

// each calls do for every entry that the snapshot lists, in restic's order. The list is
// streamed: it may have millions.
func (l *listing) each(do func(node) error) error {
	return l.nodes.each(func(text []byte) error {
		var n node
		if err := json.Unmarshal(text, &n); err != nil {
			return fmt.Errorf("the list of the snapshot's files: %w", err)
		}
		return do(n)
	})
}

// size returns how many bytes the files below a folder have together. A file of
// several names counts once where inodes are told apart, and once for each name
// otherwise, which takes no memory.
func (l *listing) size(folder string, inodes bool) (bytes int64, err error) {
	type file struct {
		inode    uint64
		size     int64
		modified time.Time
	}
	seen := map[file]bool{}
	err = l.each(func(n node) error {
		if _, within := below(folder, n.Path); !within || n.Type != "file" {
			return nil
		}
		if inodes && n.Inode != 0 {
			name := file{n.Inode, n.Size, n.ModTime}
			if seen[name] {
				return nil
			}
			seen[name] = true
		}
		bytes += n.Size
		return nil
	})
	return bytes, err
}

func (l *listing) close() { l.nodes.close() }

// descent finds the way down from the top of a snapshot on which every folder holds a
// single entry that is called as a part of the backed up path. It sees the entries in
// an order in which a folder comes before what it holds.
type descent struct {
	wanted []string
	levels []level
}

// level is a folder on the way, what it holds first, and how many entries it holds.
type level struct {
	folder  string
	first   node
	entries int
}

func newDescent(folder string) *descent {
	d := &descent{wanted: parts(folder)}
	if len(d.wanted) > 0 {
		d.levels = []level{{folder: "/"}}
	}
	return d
}

func (d *descent) see(n node) {
	at := slices.IndexFunc(d.levels, func(l level) bool { return n.isIn(l.folder) })
	if at < 0 {
		return
	}
	l := &d.levels[at]
	l.entries++
	if l.entries > 1 {
		return
	}
	l.first = n
	if at+1 < len(d.wanted) && n.Type == "dir" && slices.Contains(d.wanted, n.Name) {
		d.levels = append(d.levels, level{folder: n.Path})
	}
}

// chain returns the way, once every entry was seen.
func (d *descent) chain() []rootFolder {
	var chain []rootFolder
	for _, l := range d.levels {
		if l.entries != 1 || !slices.Contains(d.wanted, l.first.Name) {
			break
		}
		chain = append(chain, rootFolder{Name: l.first.Name, Type: l.first.Type, Inode: l.first.Inode})
	}
	return chain
}
