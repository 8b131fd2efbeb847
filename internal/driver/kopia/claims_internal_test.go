package kopia

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzClaimOf reads users and hosts that anyone may have written: a claim that they
// name is printed in commands for a person to run.
func FuzzClaimOf(f *testing.F) {
	f.Add("data-backup", "apps")
	f.Add("$(reboot)-backup", "apps")
	f.Add("data-backup", "x; rm -rf /")
	f.Add("--yes-backup", "apps")
	f.Fuzz(func(t *testing.T, user, host string) {
		if claim, ok := claimOf(user, host); ok {
			require.NoError(t, claim.Validate())
			require.Equal(t, user+"@"+host, SourceOf(claim))
		}
	})
}
