package backup_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
)

func TestTheCauseOfAnError(t *testing.T) {
	failed := func(kind backup.Kind, words, name string) error {
		return backup.Errorf(kind, "asking: %w", backup.WithCause(backup.Errorf(kind, "%s", words), name))
	}
	settled := func(words, command string) error {
		return backup.WithSettle(backup.Errorf(backup.RepositoryUnaccepted, "%s", words), command)
	}
	for name, test := range map[string]struct {
		a, b error
		same bool
	}{
		"is the same whatever time its words say":    {failed(backup.Unavailable, "after 1.2 s", "listing restic"), failed(backup.Unavailable, "after 3.4 s", "listing restic"), true},
		"is another of another name in equal words":  {failed(backup.Unavailable, "refused", "listing restic"), failed(backup.Unavailable, "refused", "listing s3"), false},
		"is another of another kind":                 {failed(backup.Unavailable, "refused", "listing restic"), failed(backup.Credentials, "refused", "listing restic"), false},
		"is what one command settles":                {settled("2 backups", "accept 5e1f"), settled("3 backups", "accept 5e1f"), true},
		"is another where another command settles":   {settled("2 backups", "accept 5e1f"), settled("2 backups", "accept 0bad"), false},
		"is what a command settles, whatever name":   {backup.WithCause(settled("2", "accept 5e1f"), "x"), backup.WithCause(settled("3", "accept 5e1f"), "y"), true},
		"is its words where nothing else names it":   {errors.New("no answer"), errors.New("no answer"), true},
		"is other where other words are all it says": {errors.New("no answer"), errors.New("none"), false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.same, backup.CauseOf(test.a) == backup.CauseOf(test.b))
		})
	}
	assert.NoError(t, backup.WithCause(nil, "x"))
}
