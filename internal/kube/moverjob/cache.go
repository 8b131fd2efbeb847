package moverjob

import (
	"path"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// Cache is where movers keep what they read of a repository, from one Job to the next.
// The zero value keeps nothing: each Job begins with an empty folder. Only what the
// repository itself holds is in it, encrypted as it is there; restic checks what it
// reads, so what else there may be is at worst of no use. Jobs may share it.
type Cache struct {
	// Folder is a folder of each node, made where it is not there. Pod Security's
	// levels baseline and restricted refuse pods that mount one.
	Folder string
	// Claim is a claim in Namespace, for the Jobs that run there; it goes before Folder.
	Claim, Namespace string
}

// cacheVolume returns the volume and the mount of a mover's kept cache; false where
// none is kept.
func (s Spec) cacheVolume() (volume corev1.Volume, mount corev1.VolumeMount, kept bool) {
	const name = "cache"
	cache := s.Settings.Cache
	switch {
	case s.CachePath == "" || s.CacheName == "":
		return volume, mount, false
	case cache.Claim != "" && cache.Namespace == s.Namespace:
		return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: cache.Claim},
		}}, corev1.VolumeMount{Name: name, MountPath: s.CachePath, SubPath: s.CacheName}, true
	case cache.Folder != "":
		return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
			HostPath: &corev1.HostPathVolumeSource{Path: path.Join(cache.Folder, s.CacheName), Type: ptr.To(corev1.HostPathDirectoryOrCreate)},
		}}, corev1.VolumeMount{Name: name, MountPath: s.CachePath}, true
	default:
		return volume, mount, false
	}
}
