package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/kopia"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
	"github.com/soteria-dr/soteria/internal/driver/restic"
	"github.com/soteria-dr/soteria/internal/driver/s3"
)

// AttributionConfig is what the environment says of backups that do not say by
// themselves whose they are. It is exported for the library that reads it.
type AttributionConfig struct {
	ResticUnattributed attribution.Policy `env:"SOTERIA_RESTIC_UNATTRIBUTED" envDefault:"hold"`
	ResticAdopt        string             `env:"SOTERIA_RESTIC_ADOPT"`
	ResticForeign      string             `env:"SOTERIA_RESTIC_FOREIGN"`

	KopiaUnattributed attribution.Policy `env:"SOTERIA_KOPIA_UNATTRIBUTED" envDefault:"hold"`
	KopiaAdopt        string             `env:"SOTERIA_KOPIA_ADOPT"`
	KopiaForeign      string             `env:"SOTERIA_KOPIA_FOREIGN"`

	LookupS3Layout  string `env:"SOTERIA_LOOKUP_S3_LAYOUT" envDefault:"{namespace}/{pvc}"`
	LookupS3Foreign string `env:"SOTERIA_LOOKUP_S3_FOREIGN"`

	resticRules attribution.Rules
	kopiaRules  attribution.Rules
	s3Layout    attribution.Layout
	s3Foreign   []attribution.Rule
}

// deriveAttribution parses the rules of the drivers that are configured.
func (c *config) deriveAttribution() []error {
	var problems, found []error
	if c.uses(restic.Name) {
		c.resticRules, found = attribution.ParseRules(restic.Strays, c.ResticAdopt, c.ResticForeign)
		problems = append(problems, found...)
	}
	if c.uses(kopia.NameFS) || c.uses(kopia.NameS3) {
		c.kopiaRules, found = attribution.ParseRules(kopia.Strays(kopia.NameFS), c.KopiaAdopt, c.KopiaForeign)
		problems = append(problems, found...)
	}
	if c.uses(s3.Name) {
		var err error
		if c.s3Layout, err = attribution.ParseLayout(c.LookupS3Layout); err != nil {
			problems = append(problems, backup.Errorf(backup.Invalid, "SOTERIA_LOOKUP_S3_LAYOUT: %w", err))
		}
		if c.s3Foreign, err = s3.ParseForeign(c.LookupS3Foreign); err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}

// withoutRules returns the configuration as if nothing were said of backups that do
// not say by themselves whose they are.
func (c config) withoutRules() config {
	c.resticRules, c.kopiaRules = attribution.Rules{}, attribution.Rules{}
	c.ResticUnattributed, c.KopiaUnattributed = attribution.Hold, attribution.Hold
	return c
}

// ruled are the drivers whose backups rules can attribute, with the setting that
// holds the rules.
var ruled = map[string]string{
	restic.Name:  restic.Strays.Adopt,
	kopia.NameFS: kopia.Strays(kopia.NameFS).Adopt,
	kopia.NameS3: kopia.Strays(kopia.NameS3).Adopt,
}

// adoptAct reads the arguments of `repository adopt`. Rules among them take the
// place of those that are configured.
func adoptAct(args []string) (act, error) {
	if len(args) == 0 || args[0] != "--dry-run" {
		return act{}, fmt.Errorf("%w: adopt wants --dry-run: backups are adopted by the settings %s and %s alone, which belong in Git:\n%s",
			errUsage, restic.Strays.Adopt, kopia.Strays(kopia.NameFS).Adopt, repositoryUsage)
	}
	name, rest := restic.Name, args[1:]
	if len(rest) > 0 && (slices.Contains(drivers, rest[0]) || slices.Contains(lookups, rest[0])) {
		name, rest = rest[0], rest[1:]
	}
	setting, known := ruled[name]
	if !known || len(rest) > 1 {
		return act{}, fmt.Errorf("%w: adopt takes one of the drivers restic, kopia-fs, kopia-s3, and rules in one argument:\n%s", errUsage, repositoryUsage)
	}
	a := act{driver: name, do: func(ctx context.Context, t tools) (string, error) { return t.adoptions(ctx, name) }}
	if len(rest) == 1 {
		a.settings = map[string]string{setting: rest[0]}
	}
	return a, nil
}

// collected keeps the backups and strays that a listing tells.
type collected struct {
	backups []backup.Backup
	strays  []attribution.Stray
	// incomplete is why a part of the repository could not be read.
	incomplete error
}

var _ driver.Listing = (*collected)(nil)

// Backup implements [driver.Listing].
func (g *collected) Backup(b backup.Backup) { g.backups = append(g.backups, b) }

// Doubt implements [driver.Listing].
func (g *collected) Doubt(backup.Claim, error) {}

// Incomplete implements [driver.Listing].
func (g *collected) Incomplete(why error) { g.incomplete = cmp.Or(g.incomplete, why) }

// Strays implements [driver.Listing].
func (g *collected) Strays(strays []attribution.Stray, _ attribution.Words) { g.strays = strays }

// Mark implements [driver.Listing].
func (g *collected) Mark(string) {}

// collect lists a driver's repository.
func (t tools) collect(ctx context.Context, c config, name string) (found collected, err error) {
	lister, err := t.listerWith(c, name)
	if err != nil {
		return collected{}, err
	}
	_, err = lister.List(ctx, &found)
	return found, cmp.Or(err, found.incomplete)
}

// acceptStrays accepts the backups that the repository with this identity holds
// now and of which nothing says whose they are. It returns how many there are.
func (t tools) acceptStrays(ctx context.Context, name, id string) (int, error) {
	if name == longhorn.Name {
		// It reports none, and a listing takes it ten seconds.
		return 0, t.accepted.Accept(ctx, name, id, nil)
	}
	lister, err := t.lister(name)
	if err != nil {
		return 0, err
	}
	var found collected
	repository, err := lister.List(ctx, &found)
	if err != nil {
		return 0, err
	}
	if repository != id {
		return 0, backup.Errorf(backup.RepositoryChanged, "the %s repository is %s, and was %s a moment ago", name, repository, id)
	}
	ids := make([]string, 0, len(found.strays))
	for _, s := range found.strays {
		ids = append(ids, s.ID)
	}
	return len(ids), t.accepted.Accept(ctx, name, id, ids)
}

// adoptions reports each backup that does not say by itself whose it is what the
// rules make of it.
func (t tools) adoptions(ctx context.Context, name string) (string, error) {
	bare, err := t.collect(ctx, t.config.withoutRules(), name)
	if err != nil {
		return "", err
	}
	settled, err := t.collect(ctx, t.config, name)
	if err != nil {
		return "", err
	}
	words := restic.Strays
	if name != restic.Name {
		words = kopia.Strays(name)
	}
	return adoptionTable(bare.strays, settled, words), nil
}

// adoption is what becomes of backups from one place.
type adoption struct {
	from, owner string
	count       int
}

// adoptionTable shows what becomes of strays, by where they are from.
func adoptionTable(strays []attribution.Stray, settled collected, words attribution.Settings) string {
	if len(strays) == 0 {
		return "every backup says by itself which claim it is of"
	}
	owners := make(map[string]string)
	for _, b := range settled.backups {
		owners[b.ID] = b.Claim.String()
	}
	for _, s := range settled.strays {
		owners[s.ID] = "in doubt: no rule says"
		if s.Why != "" {
			owners[s.ID] = "in doubt: " + s.Why
		}
	}
	counts := make(map[adoption]int)
	for _, s := range strays {
		counts[adoption{from: words.Origin(s.Facts), owner: cmp.Or(owners[s.ID], "no claim")}]++
	}
	var rows []adoption
	for row, count := range counts {
		row.count = count
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b adoption) int {
		return cmp.Or(strings.Compare(a.owner, b.owner), strings.Compare(a.from, b.from))
	})
	var text bytes.Buffer
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "BACKUPS\tFROM\tWOULD BE OF") // a buffer takes anything
	for _, row := range rows {
		_, _ = fmt.Fprintf(table, "%d\t%s\t%s\n", row.count, row.from, row.owner)
	}
	_ = table.Flush()
	return strings.TrimRight(text.String(), "\n")
}
