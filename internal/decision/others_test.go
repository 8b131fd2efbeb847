package decision_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
)

func TestABackupOfAnotherClusterThatIsNamedByItsIDIsRestoredThoughMoreIsUnknown(t *testing.T) {
	db := backup.Claim{Namespace: "shop", Name: "db"}
	others := []backup.Backup{{Claim: db, Driver: "restic", ID: "0123456789abcdef", Cluster: "prod", TakenAt: time.Now().Add(-time.Hour)}}
	facts := decision.Facts{
		Claim: db, Source: db, Mode: decision.Auto, Selector: backup.Selector{ID: "01234567"},
		Rules:  backup.Rules{Clusters: backup.Clusters{Own: "east", Settled: true}, Now: time.Now()},
		Answer: backup.UnknownBecause(backup.Errorf(backup.Unavailable, "strays")).WithOthers(others),
	}
	assert.Equal(t, decision.Restore, decision.Decide(facts).Kind)
	facts.Selector.ID = "ffffffff"
	assert.Equal(t, decision.ReasonUnknown, decision.Decide(facts).Reason)
	facts.Selector = backup.Selector{}
	assert.Equal(t, decision.ReasonUnknown, decision.Decide(facts).Reason)
}

func TestAnotherClustersNewestIsRestoredToAWishForItUnlessANewerOneMayExist(t *testing.T) {
	db := backup.Claim{Namespace: "shop", Name: "db"}
	lost := backup.Errorf(backup.Unavailable, "Longhorn is gone")
	others := []backup.Backup{{Claim: db, Driver: "restic", ID: "0123456789abcdef", Cluster: "prod", TakenAt: time.Now().Add(-time.Hour)}}
	facts := decision.Facts{
		Claim: db, Source: db, Mode: decision.Auto, Selector: backup.Selector{Cluster: "prod"},
		Rules:  backup.Rules{Clusters: backup.Clusters{Own: "east", Settled: true}, Now: time.Now()},
		Answer: backup.UnknownBecause(lost).WithOthers(others),
	}
	assert.Equal(t, decision.Restore, decision.Decide(facts).Kind)
	facts.Selector.AsOf = time.Now().Add(-2 * time.Hour)
	assert.Equal(t, decision.ReasonUnknown, decision.Decide(facts).Reason, "an older one may be where it cannot be looked")
	facts.Selector = backup.Selector{Cluster: "east"}
	assert.Equal(t, decision.ReasonUnknown, decision.Decide(facts).Reason)
	facts.Selector = backup.Selector{Cluster: "prod"}
	facts.Answer = facts.Answer.DoubtingOthers(lost)
	assert.Equal(t, decision.ReasonUnknown, decision.Decide(facts).Reason)
}
