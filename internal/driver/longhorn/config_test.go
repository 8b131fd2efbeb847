package longhorn_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
)

func TestAConfigurationIsChecked(t *testing.T) {
	for sentence, c := range map[string]struct {
		change func(*longhorn.Config)
		want   string
	}{
		"an address that is none":         {func(c *longhorn.Config) { c.URL = "longhorn:9500" }, "SOTERIA_LONGHORN_URL: "},
		"a namespace that is none":        {func(c *longhorn.Config) { c.Namespace = "Longhorn" }, `SOTERIA_LONGHORN_NAMESPACE: "Longhorn" is not the name of a namespace`},
		"a mode that there is not":        {func(c *longhorn.Config) { c.BackupMode = "differential" }, `SOTERIA_LONGHORN_BACKUP_MODE: "differential" is neither`},
		"a policy that there is not":      {func(c *longhorn.Config) { c.Unlabeled = "skip" }, `SOTERIA_LONGHORN_UNLABELED: "skip" is neither`},
		"a backup target that is no URL":  {func(c *longhorn.Config) { c.BackupTarget = "backups" }, `SOTERIA_LONGHORN_BACKUP_TARGET: "backups" is not the URL`},
		"a backup target without a place": {func(c *longhorn.Config) { c.BackupTarget = "s3:///lh" }, `SOTERIA_LONGHORN_BACKUP_TARGET: `},
		"leaving the default target out":  {func(c *longhorn.Config) { c.IgnoreTargets = []string{"offsite", "default"} }, "SOTERIA_LONGHORN_IGNORE_TARGETS: the backup target default cannot be left out"},
		"leaving out what is no name":     {func(c *longhorn.Config) { c.IgnoreTargets = []string{"nfs://nas.lan:/lh"} }, `SOTERIA_LONGHORN_IGNORE_TARGETS: "nfs://nas.lan:/lh" is not the name of a backup target`},
	} {
		t.Run(sentence, func(t *testing.T) {
			var config longhorn.Config
			c.change(&config)
			problems := config.Validate()
			require.Len(t, problems, 1)
			assert.ErrorContains(t, problems[0], c.want)
			assert.Equal(t, backup.Invalid, backup.KindOf(problems[0]))
		})
	}
}

func TestAnEmptyConfigurationAndAFullOneAreGood(t *testing.T) {
	assert.Empty(t, longhorn.Config{}.Validate())
	assert.Empty(t, longhorn.Config{
		URL: "http://longhorn-frontend.storage/v1", Namespace: "storage", BackupMode: longhorn.Full,
		BackupTarget: "nfs://nas.lan:/export/lh", Unlabeled: longhorn.Ignore, OwnNamespace: "soteria-system",
		IgnoreTargets: []string{"offsite", ""},
	}.Validate())
}
