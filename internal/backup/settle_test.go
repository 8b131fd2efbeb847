package backup_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
)

func TestTheCommandThatSettlesAnErrorOutlivesWrapping(t *testing.T) {
	const command = "soteria repository forget longhorn"
	dropped := backup.WithSettle(backup.Errorf(backup.RepositoryDropped, "longhorn is not looked at, run: %s", command), command)
	wrapped := backup.Errorf(backup.KindOf(dropped), "reading the claim: %w", dropped)

	assert.Equal(t, command, backup.SettleOf(wrapped))
	assert.Equal(t, backup.RepositoryDropped, backup.KindOf(dropped), "the kind stays")
	assert.Equal(t, "longhorn is not looked at, run: "+command, backup.Message(dropped), "so does the message")
}

func TestAnErrorThatNoCommandSettlesNamesNone(t *testing.T) {
	assert.Empty(t, backup.SettleOf(backup.Errorf(backup.Unavailable, "run: soteria repository accept 5e1f")), "words in a message are no command")
	assert.Empty(t, backup.SettleOf(errors.New("any")))
	assert.Empty(t, backup.SettleOf(nil))
}
