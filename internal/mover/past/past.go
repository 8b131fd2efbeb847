package past

import (
	"flag"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// None says that there is no such backup, as opposed to one that is not known.
const None = "none"

// The flags of a mover.
const (
	parentFlag = "parent"
	beforeFlag = "before"
)

var idPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Known is what is known of a claim's earlier backups. The zero value is nothing.
type Known struct {
	// Parent is the id of the snapshot that restic compares the claim's files with;
	// [None] where the claim has no backup of this cluster's. "" is not known.
	Parent string
	// Before, where BeforeKnown is true, is the backup that the new one is held
	// against: its id, when it was taken and how much it holds. Nil is none.
	Before      *backup.Backup
	BeforeKnown bool
}

// Args returns the flags that tell a mover.
func (k Known) Args() []string {
	var args []string
	if k.Parent != "" {
		args = append(args, "--"+parentFlag, k.Parent)
	}
	if k.BeforeKnown {
		args = append(args, "--"+beforeFlag, describe(k.Before))
	}
	return args
}

// Register has flags set what is known. A value that does not say what it should is
// an error of the parsing.
func (k *Known) Register(flags *flag.FlagSet) {
	flags.Func(parentFlag, "the `id` of the snapshot to compare files with; "+None+" is none, and without it restic looks for one", func(text string) error {
		if text != None && !idPattern.MatchString(text) {
			return fmt.Errorf("%.80q is not the id of a snapshot", text)
		}
		k.Parent = text
		return nil
	})
	flags.Func(beforeFlag, "the `backup` to hold this one against, as id,time,files,bytes; "+None+" is none, and without it the mover looks for it", func(text string) (err error) {
		k.Before, err = parse(text)
		k.BeforeKnown = err == nil
		return err
	})
}

func describe(b *backup.Backup) string {
	if b == nil {
		return None
	}
	return fmt.Sprintf("%s,%s,%d,%d", b.ID, b.TakenAt.UTC().Format(time.RFC3339Nano), b.Files, b.DataBytes)
}

func parse(text string) (*backup.Backup, error) {
	if text == None {
		return nil, nil //nolint:nilnil // that there is none is an answer
	}
	parts := strings.Split(text, ",")
	const all = 4
	if len(parts) != all || !idPattern.MatchString(parts[0]) {
		return nil, fmt.Errorf("%.120q is not of the form id,time,files,bytes", text)
	}
	taken, err := time.Parse(time.RFC3339Nano, parts[1])
	if err != nil {
		return nil, fmt.Errorf("%.120q names no time: %w", text, err)
	}
	b := &backup.Backup{ID: parts[0], TakenAt: taken.UTC()}
	if b.Files, err = strconv.ParseInt(parts[2], 10, 64); err != nil {
		return nil, fmt.Errorf("%.120q counts no files: %w", text, err)
	}
	if b.DataBytes, err = strconv.ParseInt(parts[3], 10, 64); err != nil {
		return nil, fmt.Errorf("%.120q counts no bytes: %w", text, err)
	}
	return b, nil
}
