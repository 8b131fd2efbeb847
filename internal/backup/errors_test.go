package backup_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
)

func TestKindOf(t *testing.T) {
	denied := backup.Errorf(backup.Denied, "not yours")
	tests := map[string]struct {
		err  error
		want backup.Kind
	}{
		"an error of a kind":               {denied, backup.Denied},
		"an error of a kind, wrapped":      {fmt.Errorf("claim a/b: %w", denied), backup.Denied},
		"the outermost of two kinds":       {backup.Errorf(backup.Unavailable, "listing: %w", denied), backup.Unavailable},
		"a deadline":                       {fmt.Errorf("listing: %w", context.DeadlineExceeded), backup.Unavailable},
		"a question that was given up":     {context.Canceled, backup.Unavailable},
		"a deadline that was given a kind": {backup.Errorf(backup.DriverFailed, "restic: %w", context.DeadlineExceeded), backup.DriverFailed},
		"an error nobody foresaw":          {errors.New("surprise"), backup.Internal},
		"no error":                         {nil, backup.Internal},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, backup.KindOf(test.err)) })
	}
}

func TestErrorfKeepsTheCauseAndTheWords(t *testing.T) {
	cause := errors.New("connection refused")
	err := backup.Errorf(backup.Unavailable, "asking %s: %w", "s3", cause)
	assert.EqualError(t, err, "asking s3: connection refused")
	assert.ErrorIs(t, err, cause)
	assert.Equal(t, "asking s3: connection refused", backup.Message(err))
	assert.Empty(t, backup.Message(nil))
	assert.Empty(t, backup.FieldOf(err))
	assert.Equal(t, "tags", backup.FieldOf(fmt.Errorf("request: %w", &backup.Error{Kind: backup.Invalid, Field: "tags"})))
}

func TestEveryKindHasACodeOfItsOwn(t *testing.T) {
	codes := make(map[string]backup.Kind)
	for _, kind := range backup.Kinds() {
		other, taken := codes[kind.String()]
		assert.False(t, taken, "%d and %d are both %s", kind, other, kind)
		codes[kind.String()] = kind
	}
	assert.Equal(t, "internal", backup.Kind(255).String())
	assert.Equal(t, "unknown", backup.Certainty(255).String())
}
