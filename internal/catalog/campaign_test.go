package catalog_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/expectation"
)

// life is what a cluster left behind when it burned down, and what the cluster that
// is rebuilt finds and is told.
type life struct {
	pinned        bool
	copied        string // there, missing, older, unnamed
	store         string // whole, empty, half, other, unmounted
	systems       string // restic, longhorn, both
	name          string // same, changed, unset, settled, taken over
	oldest, newer time.Time
}

// The claims that had backups: of half of the store the first is left without any,
// the second without its newest, and the third as it was.
var (
	wiki   = backup.Claim{Namespace: "docs", Name: "wiki"}
	burned = []backup.Claim{photos, music, wiki}
)

// backups returns what a system's repository held.
func (l life) backups(system string) []backup.Backup {
	var all []backup.Backup
	for _, claim := range burned {
		for i, taken := range []time.Time{l.oldest, l.newer} {
			all = append(all, backup.Backup{
				Claim: claim, Driver: system, ID: fmt.Sprintf("%s-%s-%d", system, claim.Name, i), TakenAt: taken, Cluster: "home", Outcome: backup.OutcomeComplete,
			})
		}
	}
	return all
}

// repository returns what is found in the place of a system's repository.
func (l life) repository(system string) *repository {
	r := newRepository(system)
	switch all := l.backups(system); l.store {
	case "whole":
		r.backups = all
	case "half":
		r.backups = slices.Concat(all[2:3], all[4:])
	case "other":
		r.id = otherID
		r.backups = []backup.Backup{{Claim: backup.Claim{Namespace: "else", Name: "where"}, Driver: system, ID: "else", TakenAt: l.newer, Cluster: "elsewhere"}}
	case "unmounted":
		// restic finds no repository in an empty folder; Longhorn lists it well.
		if system == "restic" {
			r.failure = backup.Errorf(backup.RepositoryAbsent, "no repository at /mnt/backups")
		}
	}
	return r
}

// beside returns the copies of the memory that a restic repository holds and that the
// rebuilt cluster reads, in a store that holds anything. One that names no cluster is
// from before clusters had names, and from before the last of the claims was made.
func (l life) beside() copies {
	name, known := "home", burned
	if l.copied == "unnamed" {
		name, known = "", burned[1:]
	}
	if l.copied == "missing" || l.store != "whole" && l.store != "half" || !l.clusters().Counts(backup.Backup{Cluster: name}) {
		return nil
	}
	held := expectation.Claims{}
	for _, claim := range known {
		all := l.backups("restic")
		of := slices.DeleteFunc(all, func(b backup.Backup) bool { return b.Claim != claim || l.copied != "there" && b.TakenAt.Equal(l.newer) })
		slices.SortFunc(of, backup.NewestFirst)
		held[claim] = expectation.Record{}.Observe(of, l.newer)
	}
	return copies{name: held}
}

// copies are those of a repository that holds them for good.
type copies expectation.Copies

func (c copies) Read(context.Context, string) (expectation.Copies, error) {
	return expectation.Copies(c), nil
}

func (l life) clusters() backup.Clusters {
	switch l.name {
	case "same":
		return backup.Clusters{Own: "home"}
	case "changed":
		return backup.Clusters{Own: "hmoe"}
	case "settled":
		return backup.Clusters{Own: "hmoe", Settled: true}
	case "taken over":
		return backup.Clusters{Own: "home2", Restored: []string{"home"}, Settled: true}
	default:
		return backup.Clusters{}
	}
}

// restores reports whether the name and the list say that the backups are restored.
func (l life) restores() bool { return l.clusters().Counts(backup.Backup{Cluster: "home"}) }

func (l life) drivers() []string {
	if l.systems == "both" {
		return []string{"longhorn", "restic"}
	}
	return []string{l.systems}
}

// rebuilt runs a cluster that is rebuilt, through a restart, and returns what
// becomes of each claim in the end; what it is told at any time goes to judge.
func (l life) rebuilt(t *testing.T, judge func(backup.Claim, decision.Verdict)) map[backup.Claim]string {
	ledger, kept := newMemory(), &remembered{}
	became := make(map[backup.Claim]string)
	for range 2 {
		var repositories []*repository
		for _, system := range l.drivers() {
			repositories = append(repositories, l.repository(system))
		}
		b := newBench(func(cfg *catalog.Config) {
			cfg.Expect, cfg.Memory, cfg.Clusters = nil, kept, l.clusters()
			if slices.Contains(l.drivers(), "restic") {
				cfg.Copies = map[string]catalog.Copy{"restic": l.beside()}
			}
			if l.pinned {
				cfg.Pins = map[string]string{"restic": repositoryID, "longhorn": repositoryID}
			}
		}, ledger, repositories...)
		stop := run(t, b.Catalog)
		for range 3 {
			pass(20 * time.Minute)
			for _, claim := range burned {
				answer := b.Prove(within(t, budget), claim)
				verdict := decision.Decide(decision.Facts{
					Claim: claim, Source: claim, Mode: decision.Auto, Answer: answer,
					Rules: backup.Rules{Clusters: l.clusters(), Now: time.Now(), PartialWindow: backup.DefaultPartialWindow},
				})
				judge(claim, verdict)
				became[claim] = verdict.Kind.String()
				if verdict.Kind == decision.Restore && verdict.Backup.TakenAt.Before(l.newer) {
					became[claim] = "Restore (older)"
				}
			}
		}
		stop()
	}
	return became
}

// TestNoClaimStartsEmptyInARebuiltCluster builds a cluster again in every combination
// of what may be left of the one before, and prints what becomes of three claims
// that had backups.
func TestNoClaimStartsEmptyInARebuiltCluster(t *testing.T) {
	sums := make(map[string]int)
	for _, pinned := range []bool{true, false} {
		for _, copied := range []string{"there", "missing", "older", "unnamed"} {
			for _, store := range []string{"whole", "empty", "half", "other", "unmounted"} {
				for _, systems := range []string{"restic", "longhorn", "both"} {
					for _, name := range []string{"same", "changed", "unset", "settled", "taken over"} {
						l := life{pinned: pinned, copied: copied, store: store, systems: systems, name: name}
						synctest.Test(t, func(t *testing.T) {
							l.oldest, l.newer = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
							became := l.rebuilt(t, func(claim backup.Claim, v decision.Verdict) {
								assert.NotEqual(t, decision.Fresh, v.Kind, "%+v: %s starts empty: %s", l, claim, v.Message)
								assert.NotEqual(t, decision.Ignore, v.Kind, "%+v: %s", l, claim)
							})
							if store == "whole" && l.restores() {
								for claim, what := range became {
									assert.Equal(t, "Restore", what, "%+v: %s", l, claim)
								}
							}
							sums[fmt.Sprintf("%-9s copy %-7s %-8s name %-10s pinned %-5t  %s", store, copied, systems, name, pinned, told(became))]++
						})
					}
				}
			}
		}
	}
	for _, row := range slices.Sorted(maps.Keys(sums)) {
		t.Log(row)
	}
	assert.Len(t, sums, 600)
}

func told(became map[backup.Claim]string) string {
	var words []string
	for _, claim := range burned {
		words = append(words, claim.Name+": "+became[claim])
	}
	return strings.Join(words, ", ")
}
