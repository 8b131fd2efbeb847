package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
)

// ChoiceConfig settles which backup of a claim is restored.
type ChoiceConfig struct {
	Cluster         string        `env:"SOTERIA_CLUSTER"`
	RestoreClusters string        `env:"SOTERIA_RESTORE_CLUSTERS"`
	UntaggedBackups string        `env:"SOTERIA_UNTAGGED_BACKUPS" envDefault:"own"`
	PartialWindow   time.Duration `env:"SOTERIA_PARTIAL_WINDOW" envDefault:"48h"`
}

// clusters says whose backups are this cluster's.
func (c *ChoiceConfig) clusters() backup.Clusters {
	return backup.Clusters{
		Own:             c.Cluster,
		Restored:        c.restored(),
		Settled:         strings.TrimSpace(c.RestoreClusters) != "",
		UntaggedForeign: c.UntaggedBackups == "foreign",
	}
}

// restored are the other clusters whose backups are restored.
func (c *ChoiceConfig) restored() []string {
	var names []string
	for name := range strings.SplitSeq(c.RestoreClusters, ",") {
		if name = strings.TrimSpace(name); name != "" && name != backup.NoClusters {
			names = append(names, name)
		}
	}
	return names
}

// rules say now which backup of a claim is chosen.
func (c *config) rules() backup.Rules {
	return backup.Rules{Clusters: c.clusters(), Now: time.Now(), ClockDoubt: c.clocks.Doubt() != "", PartialWindow: c.PartialWindow}
}

// checkChoice returns what is wrong with these settings.
func (c *ChoiceConfig) checkChoice() []error {
	var problems []error
	if c.Cluster != "" {
		if err := backup.ValidateCluster(c.Cluster); err != nil {
			problems = append(problems, fmt.Errorf("SOTERIA_CLUSTER: %w", err))
		}
	}
	for _, name := range c.restored() {
		if err := backup.ValidateCluster(name); err != nil {
			problems = append(problems, fmt.Errorf("SOTERIA_RESTORE_CLUSTERS: %w", err))
		}
	}
	if named := c.restored(); len(named) > 0 && slices.ContainsFunc(strings.Split(c.RestoreClusters, ","), func(s string) bool { return strings.TrimSpace(s) == backup.NoClusters }) {
		problems = append(problems, fmt.Errorf("SOTERIA_RESTORE_CLUSTERS: %q names clusters and none at once", c.RestoreClusters))
	}
	if !slices.Contains([]string{"own", "foreign"}, c.UntaggedBackups) {
		problems = append(problems, fmt.Errorf("SOTERIA_UNTAGGED_BACKUPS: %q must be one of own, foreign", c.UntaggedBackups))
	}
	if c.UntaggedBackups == "foreign" && c.Cluster == "" {
		problems = append(problems, fmt.Errorf("SOTERIA_UNTAGGED_BACKUPS: foreign needs a name of this cluster in SOTERIA_CLUSTER"))
	}
	if c.PartialWindow < 0 {
		problems = append(problems, fmt.Errorf("SOTERIA_PARTIAL_WINDOW: %s must not be negative", c.PartialWindow))
	}
	return problems
}

// expected returns which backups a claim is expected to keep: those that are restored
// here, and that [catalog.Counts] counts.
func (c *ChoiceConfig) expected() func(backup.Backup, time.Time) bool {
	clusters := c.clusters()
	return func(b backup.Backup, now time.Time) bool { return clusters.Counts(b) && catalog.Counts(b, now) }
}
