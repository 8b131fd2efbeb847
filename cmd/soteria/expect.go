package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/soteria-dr/soteria/internal/catalog"
)

// ExpectConfig is what the environment says of backups that ought to exist. It is
// exported for the library that reads it.
type ExpectConfig struct {
	ExpectBackups  string   `env:"SOTERIA_EXPECT_BACKUPS"`
	RestoreWithout []string `env:"SOTERIA_RESTORE_WITHOUT"`

	expect map[string]catalog.Expected
}

// expectedWords are the words for what may be expected of a repository.
var expectedWords = map[string]catalog.Expected{
	"true": catalog.ExpectBackups, "false": catalog.ExpectNothing, "unset": catalog.Unsaid,
}

// checkExpect checks the settings and derives what they hold.
func (c *config) checkExpect() []error {
	var problems []error
	var err error
	if c.expect, err = parseExpect(c.ExpectBackups); err != nil {
		problems = append(problems, fmt.Errorf("SOTERIA_EXPECT_BACKUPS: %w", err))
	}
	for _, name := range c.RestoreWithout {
		if !slices.Contains(repositoryNames, name) {
			problems = append(problems, fmt.Errorf("SOTERIA_RESTORE_WITHOUT: %q must be one of %s", name, strings.Join(repositoryNames, ", ")))
		}
	}
	return problems
}

// repositoryNames names every repository that there may be.
var repositoryNames = slices.Concat(drivers, lookups)

// parseExpect reads "true", or "restic=true,longhorn=false": what holds for all, and
// for single repositoryNames.
func parseExpect(text string) (map[string]catalog.Expected, error) {
	expect := make(map[string]catalog.Expected, len(repositoryNames))
	if text == "" {
		return expect, nil
	}
	said := make(map[string]bool)
	for entry := range strings.SplitSeq(text, ",") {
		name, word, named := strings.Cut(strings.TrimSpace(entry), "=")
		if !named {
			name, word = "", name
		}
		expected, understood := expectedWords[word]
		switch {
		case !understood:
			return nil, fmt.Errorf("%q must be true, false or unset, for all repositories or for some, as in restic=true,longhorn=false", strings.TrimSpace(entry))
		case named && !slices.Contains(repositoryNames, name):
			return nil, fmt.Errorf("%q names no repository; it must be one of %s", strings.TrimSpace(entry), strings.Join(repositoryNames, ", "))
		case said[name]:
			return nil, fmt.Errorf("%q is said twice", strings.TrimSpace(entry))
		}
		said[name] = true
		for _, each := range repositoryNames {
			if each == name || !named && !said[each] {
				expect[each] = expected
			}
		}
	}
	return expect, nil
}
