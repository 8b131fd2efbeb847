package main

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
)

// withLookup is the least that looking VolSync's backups up takes.
func withLookup(change map[string]string) map[string]string {
	env := map[string]string{
		"SOTERIA_RESTORE_DRIVERS": "restic,s3", "SOTERIA_LOOKUP_S3_ENDPOINT": "https://s3.example.com",
		"SOTERIA_LOOKUP_S3_BUCKET": "volsync", "SOTERIA_LOOKUP_S3_SECRET_NAME": "volsync-keys",
	}
	maps.Copy(env, change)
	return valid(env)
}

func TestLookUpsBesideADriver(t *testing.T) {
	c, err := readConfig(withLookup(nil))
	require.NoError(t, err)
	assert.Equal(t, []string{"s3"}, c.policy().LookedUp)
	assert.False(t, c.policy().DenyUnknown)
	_, refers := c.policy().Populators.For(backup.Claim{Namespace: "ai", Name: "cache"})
	assert.False(t, refers, "nobody restores it unless somebody is named")
	assert.True(t, c.looksAt("restic"))
	listers, err := newLookups(c, nil)
	require.NoError(t, err)
	require.Len(t, listers, 1)
	assert.Equal(t, "s3", listers[0].Name())

	c, err = readConfig(withLookup(map[string]string{"SOTERIA_RESTORE_REF": "volsync.backube/ReplicationDestination/{pvc}-backup"}))
	require.NoError(t, err)
	populator, _ := c.policy().Populators.For(backup.Claim{Namespace: "ai", Name: "cache"})
	assert.Equal(t, "volsync.backube/ReplicationDestination/cache-backup", populator.String())
	assert.True(t, c.policy().DenyUnknown, "a lock could not be handed on")
}

func TestALookUpThatIsNotNamedIsNotUsed(t *testing.T) {
	c, err := readConfig(withLookup(map[string]string{"SOTERIA_RESTORE_DRIVERS": "restic", "SOTERIA_LOOKUP_S3_BUCKET": "a/b"}))
	require.NoError(t, err)
	assert.Empty(t, c.policy().LookedUp)

	_, err = readConfig(withLookup(map[string]string{"SOTERIA_BACKUP_DRIVER": "s3"}))
	assert.ErrorContains(t, err, "SOTERIA_BACKUP_DRIVER: ")
}

func TestEachMistakeAboutLookUpsNamesItsVariable(t *testing.T) {
	mistakes := map[string]string{
		"SOTERIA_LOOKUP_S3_ENDPOINT":    "ftp://nowhere",
		"SOTERIA_LOOKUP_S3_BUCKET":      "a/b",
		"SOTERIA_LOOKUP_S3_REGION":      "us west",
		"SOTERIA_LOOKUP_S3_SECRET_NAME": "Not A Name",
		"SOTERIA_RESTORE_REF":           "volsync",
		"SOTERIA_EXISTS_TIMEOUT":        "1h",
	}
	for variable, value := range mistakes {
		_, err := readConfig(withLookup(map[string]string{variable: value}))
		assert.ErrorContains(t, err, variable+": ")
	}
	_, err := readConfig(withLookup(mistakes))
	for variable := range mistakes {
		assert.ErrorContains(t, err, variable+": ", "all at once")
	}
}

func TestTheRepositoryOfALookUpCanBeAccepted(t *testing.T) {
	act, err := repositoryAct([]string{"accept", "s3", "volsync@s3.example.com"})
	require.NoError(t, err)
	assert.Equal(t, "s3", act.driver)
}
