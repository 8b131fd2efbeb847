package httpapi

import (
	"math"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/inventory"
)

// inventoryReport puts an inventory in the API's words.
func inventoryReport(known *inventory.Inventory) wire.Inventory {
	as := asOf{known.GeneratedAt(), known.UntoldDays()}
	return wire.Inventory{
		GeneratedAt: whole(as.at),
		Namespaces:  inventoryNamespaces(known.Claims(), as),
		Orphans:     orphans(known.Orphans(), as),
		Listings:    listings(known.Listings()),
	}
}

// asOf is when the facts of a report were gathered, and how many of the days
// until then they tell in part only.
type asOf struct {
	at         time.Time
	untoldDays int
}

// inventoryNamespaces groups claims, which are sorted by namespace and name.
func inventoryNamespaces(claims []inventory.Claim, as asOf) []wire.InventoryNamespace {
	namespaces := []wire.InventoryNamespace{}
	for start := 0; start < len(claims); {
		namespace := wire.InventoryNamespace{Name: claims[start].Claim.Namespace}
		end := start
		for ; end < len(claims) && claims[end].Claim.Namespace == namespace.Name; end++ {
			namespace.PVCs = append(namespace.PVCs, inventoryClaim(&claims[end], as))
		}
		namespaces = append(namespaces, namespace)
		start = end
	}
	return namespaces
}

func inventoryClaim(c *inventory.Claim, as asOf) wire.InventoryClaim {
	return wire.InventoryClaim{
		Namespace: c.Claim.Namespace, PVC: c.Claim.Name,
		Volume: c.Volume, StorageClass: c.StorageClass, Capacity: c.Capacity, Driver: c.Driver,
		BackupSummary: backupSummary(c.Backups, as),
		Healthy:       c.Health.Healthy(), HealthReason: string(c.Health), HealthMessage: c.Message, HoldReason: c.HoldReason, AcceptData: c.Accept,
		BackupStalled: c.BackupStalled, Copy: c.Copy, Choice: claimChoice(c.Choice),
		ByDriver:   byDriver(c.Backups),
		Protection: string(c.Protection), Verdict: c.Verdict,
		Policy: c.Schedule.Policy, PolicySource: c.Schedule.Source, NextRun: when(c.Schedule.NextRun),
	}
}

func backupSummary(s inventory.Summary, as asOf) wire.BackupSummary {
	if s.Count == 0 {
		return wire.BackupSummary{}
	}
	summary := wire.BackupSummary{LastBackupAt: when(s.Newest), BackupCount: s.Count, RecentDays: recentDays(s.Days, as.untoldDays), PassedOver: s.Passed}
	if !s.Newest.IsZero() {
		age := hours(s.Age(as.at))
		summary.LastBackupAgeHours = &age
	}
	return summary
}

// recentDays gives counts by day; nil for a day that is not told in full and has
// none.
func recentDays(days backup.Days, untold int) []*int {
	counts := make([]int, len(days))
	list := make([]*int, len(days))
	for i, count := range days {
		counts[i] = int(count)
		if count > 0 || i < len(days)-untold {
			list[i] = &counts[i]
		}
	}
	return list
}

func byDriver(s inventory.Summary) []wire.BackupsOfDriver {
	list := make([]wire.BackupsOfDriver, 0, len(s.ByDriver))
	for _, each := range s.ByDriver {
		list = append(list, wire.BackupsOfDriver{Driver: each.Driver, BackupCount: each.Count, LastBackupAt: whole(each.Newest)})
	}
	return list
}

func orphans(all []inventory.Orphan, as asOf) []wire.Orphan {
	list := make([]wire.Orphan, 0, len(all))
	for _, o := range all {
		list = append(list, wire.Orphan{
			Namespace: o.Claim.Namespace, PVC: o.Claim.Name, Driver: o.Backups.Driver, BackupSummary: backupSummary(o.Backups, as), ByDriver: byDriver(o.Backups),
		})
	}
	return list
}

func listings(all []inventory.Listing) []wire.Listing {
	list := make([]wire.Listing, 0, len(all))
	for _, l := range all {
		list = append(list, wire.Listing{
			Driver: l.Driver, ListedAt: when(l.ListedAt), NotListedYet: l.ListedAt.IsZero() && l.Failure == nil, Error: backup.Message(l.Failure), Settle: backup.SettleOf(l.Failure),
			Unproved: backup.Message(l.Unproved), Doubts: doubts(l.Doubts),
		})
	}
	return list
}

// doubts puts what is in doubt of a listing in the API's words; nil where nothing is.
func doubts(all []error) []wire.Doubt {
	var list []wire.Doubt
	for _, why := range all {
		list = append(list, wire.Doubt{Code: backup.KindOf(why).String(), Message: backup.Message(why), Settle: backup.SettleOf(why)})
	}
	return list
}

// when gives a time as the reports write it; nil for the zero time.
func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = whole(t)
	return &t
}

// whole gives a time in whole seconds: fractions tell nobody anything.
func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// hours gives a duration in hours, to a hundredth.
func hours(d time.Duration) float64 { return math.Round(d.Hours()*100) / 100 }
