package longhorn

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
)

// owner is the claim that something of Longhorn's is of.
type owner struct {
	claim backup.Claim
	// until is when the volume ceased to be the claim's, zero if it did not: data
	// of a later snapshot is as it was then.
	until time.Time
}

// attribution knows what is needed to say which claims backups are of.
type attribution struct {
	// said holds, by volume, the backups whose own labels name a claim, oldest
	// first.
	said map[string][]attributed
	// volumes holds, by volume, the claim that a backup volume's labels name.
	volumes map[string]backup.Claim
	// bound holds, by volume, the claim of the PersistentVolume that stands for it.
	bound map[string]backup.Claim
}

// attributed is a backup whose own labels name a claim.
type attributed struct {
	at    time.Time
	claim backup.Claim
}

// newAttribution gathers what backups and backup volumes say.
func newAttribution(backups []backupRecord, volumes []volumeRecord) attribution {
	a := attribution{said: make(map[string][]attributed), volumes: make(map[string]backup.Claim), bound: make(map[string]backup.Claim)}
	for _, b := range backups {
		at, known := b.takenAt()
		if own, ok := ownerByLabels(b.label); ok && known {
			a.said[b.volume()] = append(a.said[b.volume()], attributed{at: at, claim: own.claim})
		}
	}
	for _, siblings := range a.said {
		slices.SortStableFunc(siblings, func(x, y attributed) int {
			return cmp.Or(x.at.Compare(y.at), cmp.Compare(x.claim.String(), y.claim.String()))
		})
	}
	for _, v := range volumes {
		if own, ok := ownerByLabels(func(key string) string { return v.Status.Labels[key] }); ok {
			a.volumes[v.volume()] = own.claim
		}
	}
	return a
}

// live adds what this cluster's PersistentVolumes say.
func (a attribution) live(volumes []corev1.PersistentVolume) {
	for _, pv := range volumes {
		if pv.Spec.CSI == nil || pv.Spec.CSI.Driver != Provisioner || pv.Spec.ClaimRef == nil {
			continue
		}
		// Kubernetes takes any names in a reference.
		if claim := (backup.Claim{Namespace: pv.Spec.ClaimRef.Namespace, Name: pv.Spec.ClaimRef.Name}); claim.Validate() == nil {
			a.bound[pv.Spec.CSI.VolumeHandle] = claim
		}
	}
}

// owner says which claim a backup is of; false if nothing does. The package's
// documentation tells the order.
func (a attribution) owner(b backupRecord) (owner, bool) {
	if own, ok := ownerByLabels(b.label); ok {
		return own, true
	}
	volume := b.volume()
	if volume == "" {
		return owner{}, false
	}
	if claim, ok := a.sibling(b); ok {
		return owner{claim: claim}, true
	}
	if claim, ok := a.volumes[volume]; ok {
		return owner{claim: claim}, true
	}
	claim, ok := a.bound[volume]
	return owner{claim: claim}, ok
}

// sibling gives the claim of the backup of the same volume that was taken last at
// or before this one, or else first after it. A backup of which is not known
// when it was taken counts as the last.
func (a attribution) sibling(b backupRecord) (backup.Claim, bool) {
	siblings := a.said[b.volume()]
	if len(siblings) == 0 {
		return backup.Claim{}, false
	}
	at, known := b.takenAt()
	if !known {
		return siblings[len(siblings)-1].claim, true
	}
	nearest := siblings[0]
	for _, s := range siblings {
		if s.at.After(at) {
			break
		}
		nearest = s
	}
	return nearest.claim, true
}

// ownerByLabels reads the claim off a backup's labels: Soteria's, else Longhorn's.
func ownerByLabels(label func(key string) string) (owner, bool) {
	claim := backup.Claim{Namespace: label(NamespaceLabel), Name: label(PVCLabel)}
	if claim.Validate() == nil {
		return owner{claim: claim}, true
	}
	return ownerByStatus(label(api.LabelKubernetesStatus))
}

// ownerByStatus reads the claim off Longhorn's label KubernetesStatus. Once the
// volume is no longer the claim's, the label goes on naming it, with the time
// when it ceased to be; for a volume that was restored and never bound that is
// the time of the backup that it was restored from.
func ownerByStatus(label string) (owner, bool) {
	var status api.KubernetesStatus
	if json.Unmarshal([]byte(label), &status) != nil {
		return owner{}, false
	}
	claim := backup.Claim{Namespace: status.Namespace, Name: status.PVCName}
	if claim.Validate() != nil {
		return owner{}, false
	}
	until, err := time.Parse(time.RFC3339, status.LastPVCRefAt)
	if err != nil {
		until = time.Time{}
	}
	return owner{claim: claim, until: until}, true
}

// asOf gives the moment whose data a snapshot of the claim's volume holds.
func (o owner) asOf(takenAt time.Time) time.Time {
	if !o.until.IsZero() && o.until.Before(takenAt) {
		return o.until
	}
	return takenAt
}
