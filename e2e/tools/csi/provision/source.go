package provision

import corev1 "k8s.io/api/core/v1"

// source is where the data of a claim is to come from.
type source int

const (
	// sourceNone is a claim for an empty volume.
	sourceNone source = iota
	// sourceCopy is a snapshot or another claim, which a driver would have to copy.
	sourceCopy
	// sourcePopulator is anything else: some populator is to make the volume.
	sourcePopulator
)

// sourceOf reads both fields that can name a source. The API server keeps them equal within a namespace and leaves
// dataSource empty for a source in another one.
func sourceOf(claim *corev1.PersistentVolumeClaim) source {
	var group *string
	var kind string
	switch {
	case claim.Spec.DataSourceRef != nil:
		group, kind = claim.Spec.DataSourceRef.APIGroup, claim.Spec.DataSourceRef.Kind
	case claim.Spec.DataSource != nil:
		group, kind = claim.Spec.DataSource.APIGroup, claim.Spec.DataSource.Kind
	default:
		return sourceNone
	}

	isCore := group == nil || *group == ""
	switch {
	case isCore && kind == "PersistentVolumeClaim":
		return sourceCopy
	case !isCore && *group == "snapshot.storage.k8s.io" && kind == "VolumeSnapshot":
		return sourceCopy
	}
	return sourcePopulator
}
