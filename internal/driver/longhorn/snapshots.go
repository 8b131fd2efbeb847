package longhorn

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
)

// The parts of a snapshot's name, soteria-backup-<namespace>-<pvc>-<time>.
const (
	snapshotLead   = "soteria-backup-"
	snapshotTime   = "20060102-150405"
	maxSnapshot    = 63 // of a DNS-1123 label
	snapshotDigits = 8  // of the hash that tells apart names that were cut
)

// snapshotPrefix begins the names of a claim's snapshots. Names that do not fit
// are cut and carry a hash. It does not tell every two claims apart (a-b/c from
// a/b-c), the snapshots' labels do.
func snapshotPrefix(claim backup.Claim) string {
	most := maxSnapshot - len(snapshotLead) - len("-") - len(snapshotTime)
	name := claim.Namespace + "-" + strings.ReplaceAll(claim.Name, ".", "-")
	if len(name) > most || strings.Contains(claim.Name, ".") {
		sum := sha256.Sum256([]byte(claim.String()))
		name = strings.TrimRight(name[:min(len(name), most-snapshotDigits-1)], "-") + "-" + hex.EncodeToString(sum[:])[:snapshotDigits]
	}
	return snapshotLead + name + "-"
}

// snapshotName names a snapshot of a claim that is taken at this time, to the
// second.
func snapshotName(claim backup.Claim, at time.Time) string {
	return snapshotPrefix(claim) + at.UTC().Format(snapshotTime)
}

var snapshotTimePattern = regexp.MustCompile(`^\d{8}-\d{6}$`)

// isSnapshotOf reports whether Soteria made this snapshot for a backup of the
// claim.
func isSnapshotOf(claim backup.Claim, s api.Snapshot) bool {
	return isSnapshotName(claim, s.Name) && s.Labels[NamespaceLabel] == claim.Namespace && s.Labels[PVCLabel] == claim.Name
}

// isSnapshotName reports whether Soteria would name a snapshot of the claim so.
func isSnapshotName(claim backup.Claim, name string) bool {
	at, ours := strings.CutPrefix(name, snapshotPrefix(claim))
	return ours && snapshotTimePattern.MatchString(at)
}

// expendable gives the names of the snapshots that may go once a backup is
// complete: those that Soteria made for the claim before the newest one that has
// a complete backup. That one stays: the next incremental backup compares with it.
// Longhorn keeps 250 snapshots of a volume at the most.
func expendable(claim backup.Claim, snapshots []api.Snapshot, complete func(snapshot string) bool) []string {
	// Names of one claim differ in the time alone, so they sort by it.
	var ours []string
	for _, s := range snapshots {
		if isSnapshotOf(claim, s) && !s.MarkRemoved {
			ours = append(ours, s.Name)
		}
	}
	slices.Sort(ours)
	for i, name := range slices.Backward(ours) {
		if complete(name) {
			return ours[:i]
		}
	}
	return nil
}
