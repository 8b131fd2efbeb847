package main

import (
	"fmt"
	"time"

	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// perNamespace is how many claims a namespace has.
const perNamespace = 40

// cluster is what is told of one.
type cluster struct {
	inventory wire.Inventory
	plan      wire.Plan
	policies  wire.Policies
	restores  wire.Restores
	bucket    wire.Bucket
	backups   wire.Backups
	events    wire.Events
	status    wire.Status
}

// kind is one of the sorts of claims that take turns; more of them are well than
// in a bad hour.
type kind struct {
	reason, message string
	age             time.Duration
	count           int
	protection      string
	outcome         string
}

var kinds = []kind{
	{"fresh", "", 3 * time.Hour, 42, "auto", "restore"},
	{"fresh", "", 7 * time.Hour, 30, "required", "restore"},
	{"fresh", "", 50 * time.Minute, 120, "auto", "restore"},
	{"stale", "the newest backup is 3 days old", 75 * time.Hour, 12, "auto", "restore"},
	{"no_backups", "no backup of it is known", 0, 0, "none", "start_empty"},
	{"held", "the claim waits: the repository cannot be listed: connection refused", 26 * time.Hour, 7, "required", "hold"},
	{"restoring", "62% of 1.2 GiB", 20 * time.Hour, 9, "auto", "restore"},
	{"fresh", "", 12 * time.Hour, 14, "auto", "restore"},
}

func newCluster(claims int, now time.Time) cluster {
	listed := now.Add(-2 * time.Minute)
	listings := []wire.Listing{{Driver: "restic", ListedAt: &listed}, {Driver: "longhorn", ListedAt: &listed}}
	c := cluster{
		inventory: wire.Inventory{GeneratedAt: now, Namespaces: []wire.InventoryNamespace{}, Listings: listings, Orphans: []wire.Orphan{}},
		plan:      wire.Plan{GeneratedAt: now, Listings: listings, Unprotected: []string{}, Claims: []wire.PlannedClaim{}, Orphans: []wire.Orphan{}},
		policies:  wire.Policies{GeneratedAt: now, EvaluatedAt: &listed, Policies: []wire.Policy{}, Claims: []wire.PolicyClaim{}, Warnings: []wire.PolicyWarning{}},
		restores:  wire.Restores{Restores: []wire.Restore{}},
		status:    wire.Status{GeneratedAt: now, Version: "v0.0.0-mock", RestoreMode: wire.RestoreModeAuto, Gate: wire.Gate{State: wire.GateClosed}, Listings: listings},
	}
	for i := range claims {
		c.add(i, now)
	}
	c.describeOne(now)
	return c
}

// add adds a claim, and to every namespace a policy and an orphan.
func (c *cluster) add(i int, now time.Time) {
	namespace, pvc := fmt.Sprintf("team-%03d", i/perNamespace), fmt.Sprintf("data-%05d", i)
	if i%perNamespace == 0 {
		c.inventory.Namespaces = append(c.inventory.Namespaces, wire.InventoryNamespace{Name: namespace})
		c.policies.Policies = append(c.policies.Policies, wire.Policy{ID: fmt.Sprintf("policy-%d", i), Namespace: namespace, IntervalHours: 6, Enabled: true, Source: "api-namespace"})
		orphan := wire.Orphan{Namespace: namespace, PVC: "gone", Driver: "restic", BackupSummary: summary(40*time.Hour, 3, now), ByDriver: byDriver(40*time.Hour, 3, now)}
		c.inventory.Orphans, c.plan.Orphans = append(c.inventory.Orphans, orphan), append(c.plan.Orphans, orphan)
		c.plan.Summary.Orphans++
	}
	k := kinds[i%len(kinds)]
	next := now.Add(6*time.Hour - k.age%(6*time.Hour))
	claim := wire.InventoryClaim{
		Namespace: namespace, PVC: pvc, Volume: fmt.Sprintf("pvc-%08x", i), StorageClass: "longhorn", Capacity: "10Gi", Driver: "restic",
		BackupSummary: summary(k.age, k.count, now), Healthy: k.reason == "fresh", HealthReason: k.reason, HealthMessage: k.message,
		ByDriver: byDriver(k.age, k.count, now), Protection: k.protection, PolicySource: "api-namespace", NextRun: &next,
	}
	last := &c.inventory.Namespaces[len(c.inventory.Namespaces)-1]
	last.PVCs = append(last.PVCs, claim)
	planned := wire.PlannedClaim{Namespace: namespace, PVC: pvc, Protection: k.protection, Outcome: k.outcome, Verdict: k.outcome, Reason: k.reason, Message: k.message}
	if k.count > 0 {
		planned.Backup = &wire.PlannedBackup{Namespace: namespace, PVC: pvc, ID: fmt.Sprintf("%064x", i), Driver: "restic", TakenAt: now.Add(-k.age), AgeHours: k.age.Hours()}
	}
	c.plan.Claims = append(c.plan.Claims, planned)
	c.plan.Summary.Claims++
	switch k.outcome {
	case "restore":
		c.plan.Summary.Restore++
	case "hold":
		c.plan.Summary.Hold++
	default:
		c.plan.Summary.StartEmpty++
		c.plan.Summary.Unprotected++
		c.plan.Unprotected = append(c.plan.Unprotected, namespace+"/"+pvc)
	}
	c.policies.Claims = append(c.policies.Claims, wire.PolicyClaim{
		Namespace: namespace, PVC: pvc, Source: "api-namespace", Driver: "restic", LastBackupAt: claim.LastBackupAt, NextRun: &next, State: "scheduled",
	})
}

func summary(age time.Duration, count int, now time.Time) wire.BackupSummary {
	if count == 0 {
		return wire.BackupSummary{}
	}
	at, hours := now.Add(-age), age.Hours()
	return wire.BackupSummary{LastBackupAt: &at, LastBackupAgeHours: &hours, BackupCount: count}
}

func byDriver(age time.Duration, count int, now time.Time) []wire.BackupsOfDriver {
	if count == 0 {
		return []wire.BackupsOfDriver{}
	}
	return []wire.BackupsOfDriver{{Driver: "restic", BackupCount: count, LastBackupAt: now.Add(-age)}}
}

// describeOne fills in what is told of one claim, whichever is asked for.
func (c *cluster) describeOne(now time.Time) {
	const namespace, pvc = "team-000", "data-00000"
	c.backups = wire.Backups{Namespace: namespace, PVC: pvc, Volume: "pvc-00000000", Total: 42, Backups: []wire.Backup{}}
	for i := range 42 {
		size, files := int64(1<<30+i<<20), int64(1200+i)
		at := now.Add(-time.Duration(6*i+3) * time.Hour)
		c.backups.Backups = append(c.backups.Backups, wire.Backup{
			ID: fmt.Sprintf("%064x", i+1), Driver: "restic", TakenAt: at, Created: at, State: wire.StateCompleted,
			SizeBytes: &size, Size: &size, Files: &files, Tags: []string{"namespace=" + namespace, "pvc=" + pvc}, Labels: map[string]string{},
		})
	}
	c.events = wire.Events{Namespace: namespace, PVC: pvc, Total: 1, Events: []wire.Event{{
		FirstAt: now.Add(-time.Hour), LastAt: now.Add(-time.Hour), Count: 1, Type: wire.EventNormal, Reason: "BackupSucceeded", Message: "backup 00000001 is complete",
		Source: "soteria", Object: wire.EventObject{Kind: "PersistentVolumeClaim", Namespace: namespace, Name: pvc},
	}}}
	started := now.Add(-time.Minute)
	c.restores.Restores = append(c.restores.Restores, wire.Restore{
		Namespace: namespace, Name: "soteria-0000000000000000", PVC: "data-00006", Phase: "Transferring", Attempt: 1, Message: "bytes are moving",
		Progress:   &wire.RestoreProgress{BytesDone: 744 << 20, BytesTotal: 1200 << 20, Summary: "62% of 1.2 GiB"},
		Conditions: []wire.RestoreCondition{}, CreatedAt: started, StartedAt: &started,
	})
	c.bucket = wire.Bucket{
		Enabled: true, Bucket: "backups", Endpoint: "s3.example.com", Objects: 41250, Bytes: 214748364800,
		LargestPrefixes: []wire.BucketPrefix{{Prefix: "restic/data/", Objects: 12800, Bytes: 204010946560}},
		ScannedAt:       now.Add(-time.Hour), ScanSeconds: 74.5, MonthlyCostEstimate: 1.29, Currency: "USD",
	}
}
