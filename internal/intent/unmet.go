package intent

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// part is one thing that a choice asks for.
type part struct {
	// field is its name in requests, and words what it asks for.
	field, words string
	meets        func(backup.Backup) bool
}

// parts are what the choice asks for, in the order in which a person would look for
// the mistake.
func (c Choice) parts(backups []backup.Backup, rules backup.Rules) []part {
	var parts []part
	if c.names() {
		named, found := c.named(backups)
		field, value := "snapshot", c.Snapshot
		if c.URL != "" {
			field, value = "backup_url", c.URL
		}
		parts = append(parts, part{field, fmt.Sprintf("%s %q", field, backup.Clip(backup.Printable(value), backup.MaxWord)), func(b backup.Backup) bool {
			return found && b.ID == named.ID && b.Driver == named.Driver
		}})
	}
	if !c.AsOf.IsZero() {
		parts = append(parts, part{"as_of", "taken at or before " + c.AsOf.UTC().Format(time.RFC3339), func(b backup.Backup) bool { return !b.TakenAt.After(c.AsOf) }})
	}
	if c.Cluster != "" {
		parts = append(parts, part{"cluster", "of cluster " + c.Cluster, func(b backup.Backup) bool { return rules.Clusters.Of(c.Cluster, b) }})
	}
	if c.Driver != "" {
		parts = append(parts, part{"driver", "of driver " + backup.Clip(backup.Printable(c.Driver), backup.MaxWord), func(b backup.Backup) bool { return b.Driver == c.Driver }})
	}
	for _, tag := range c.Tags {
		parts = append(parts, part{"tags", fmt.Sprintf("tagged %q", backup.Clip(backup.Printable(tag), backup.MaxWord)), func(b backup.Backup) bool { return slices.Contains(b.Tags, tag) }})
	}
	return parts
}

// meets reports whether one of the backups is all that is asked for, whatever else
// speaks against it.
func (c Choice) meets(backups []backup.Backup, rules backup.Rules) bool {
	parts := c.parts(backups, rules)
	return slices.ContainsFunc(backups, func(b backup.Backup) bool {
		return !slices.ContainsFunc(parts, func(p part) bool { return !p.meets(b) })
	})
}

// unmet says that none of the backups is what is asked for, which part of that is at
// fault, and which backups there are.
func (c Choice) unmet(source backup.Claim, existing []backup.Backup, rules backup.Rules) error {
	parts := c.parts(existing, rules)
	field, words := parts[0].field, make([]string, 0, len(parts))
	for _, p := range parts {
		words = append(words, p.words)
	}
	if at := slices.IndexFunc(parts, func(p part) bool { return !slices.ContainsFunc(existing, p.meets) }); at >= 0 {
		field, words = parts[at].field, []string{parts[at].words}
	}
	what := "is " + strings.Join(words, " and ")
	if field == "snapshot" || field == "backup_url" {
		if len(words) == 1 {
			what = "is the one that is meant by " + words[0]
		}
	}
	return &backup.Error{Kind: backup.NotFound, Reason: backup.ChoiceUnmet, Field: field, Message: fmt.Sprintf(
		"no backup of %s %s (%s%s); GET /v1/backups lists them, and none is taken in its place", source, what, backup.WhatExists(existing), c.kinds(existing))}
}

// kinds names what the backups have in the place of the cluster and the driver that
// are asked for.
func (c Choice) kinds(backups []backup.Backup) string {
	var clusters, drivers []string
	for _, b := range backups {
		clusters, drivers = append(clusters, b.Cluster), append(drivers, b.Driver)
	}
	var words string
	if c.Cluster != "" {
		words += ", of cluster " + list(clusters)
	}
	if c.Driver != "" {
		words += ", of driver " + list(drivers)
	}
	return words
}

// maxListed bounds how many names a message lists.
const maxListed = 5

// list joins the first of the names, each once, in order.
func list(names []string) string {
	slices.Sort(names)
	names = slices.Compact(names)
	var words []string
	for _, name := range names[:min(len(names), maxListed)] {
		if name == "" {
			name = "(not named)"
		}
		words = append(words, backup.Clip(backup.Printable(name), backup.MaxWord))
	}
	if more := len(names) - len(words); more > 0 {
		words = append(words, fmt.Sprintf("%d more", more))
	}
	return strings.Join(words, ", ")
}
