package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
)

func TestClustersAreReadFromTheEnvironment(t *testing.T) {
	for name, test := range map[string]struct {
		env  map[string]string
		want backup.Clusters
	}{
		"no name":                   {map[string]string{}, backup.Clusters{}},
		"a name":                    {map[string]string{"SOTERIA_CLUSTER": "home"}, backup.Clusters{Own: "home"}},
		"a name that restores none": {map[string]string{"SOTERIA_CLUSTER": "home", "SOTERIA_RESTORE_CLUSTERS": "none"}, backup.Clusters{Own: "home", Settled: true}},
		"a name that restores some": {map[string]string{"SOTERIA_CLUSTER": "home", "SOTERIA_RESTORE_CLUSTERS": "attic, cellar"}, backup.Clusters{Own: "home", Restored: []string{"attic", "cellar"}, Settled: true}},
		"untagged ones are foreign": {map[string]string{"SOTERIA_CLUSTER": "home", "SOTERIA_UNTAGGED_BACKUPS": "foreign"}, backup.Clusters{Own: "home", UntaggedForeign: true}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := readConfig(test.env)
			require.NoError(t, err)
			assert.Equal(t, test.want, c.clusters())
			assert.Equal(t, test.want, c.longhorn().Clusters)
			assert.Equal(t, test.want, c.restic("").Clusters)
			assert.Equal(t, test.want, c.catalog().Clusters)
			assert.Equal(t, test.want, c.policy().RulesNow().Clusters)
			assert.Equal(t, 48*time.Hour, c.rules().PartialWindow)
			assert.WithinDuration(t, time.Now(), c.rules().Now, time.Minute)
		})
	}
}

func TestMistakesInTheSettingsOfTheChoice(t *testing.T) {
	for variable, value := range map[string]string{
		"SOTERIA_CLUSTER": "Home", "SOTERIA_RESTORE_CLUSTERS": "attic,none", "SOTERIA_UNTAGGED_BACKUPS": "foreign", "SOTERIA_PARTIAL_WINDOW": "-1h",
	} {
		_, err := readConfig(map[string]string{variable: value})
		assert.ErrorContains(t, err, variable+": ", value)
	}
}
