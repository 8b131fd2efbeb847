package kube_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/kube"
)

func TestAClaimAsItsManifestWouldMakeItAgain(t *testing.T) {
	const lock, byBinder = "soteria-aaaaaaaaaaaaaaaa", "pv.kubernetes.io/bound-by-controller"
	source := func(name string) (*corev1.TypedLocalObjectReference, *corev1.TypedObjectReference) {
		return &corev1.TypedLocalObjectReference{APIGroup: ptr.To(v1alpha1.Group), Kind: v1alpha1.RestoreKind, Name: name},
			&corev1.TypedObjectReference{APIGroup: ptr.To(v1alpha1.Group), Kind: v1alpha1.RestoreKind, Name: name}
	}
	tests := map[string]struct {
		living, written func(*corev1.PersistentVolumeClaim)
	}{
		"has no volume name where the binder wrote it": {
			living: func(c *corev1.PersistentVolumeClaim) {
				c.Spec.VolumeName, c.Annotations = "pvc-1", map[string]string{byBinder: "yes"}
			},
			written: func(c *corev1.PersistentVolumeClaim) { c.Annotations = map[string]string{byBinder: "yes"} },
		},
		"keeps a volume name that the user chose": {
			living:  func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "by-hand" },
			written: func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "by-hand" },
		},
		"keeps a volume name that only looks like a lock": {
			living:  func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = lock },
			written: func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = lock },
		},
		"has neither the lock nor the source that admission gave it": {
			living: func(c *corev1.PersistentVolumeClaim) {
				c.Spec.VolumeName = lock
				c.Spec.DataSource, c.Spec.DataSourceRef = source(lock)
			},
			written: func(*corev1.PersistentVolumeClaim) {},
		},
		"keeps a Restore that the user refers to": {
			living: func(c *corev1.PersistentVolumeClaim) {
				c.Spec.VolumeName = lock
				c.Spec.DataSource, c.Spec.DataSourceRef = source("mine")
			},
			written: func(c *corev1.PersistentVolumeClaim) { c.Spec.DataSource, c.Spec.DataSourceRef = source("mine") },
		},
		"has no stamps, and keeps the user's annotations": {
			living: func(c *corev1.PersistentVolumeClaim) {
				c.Annotations = map[string]string{
					v1alpha1.VerdictAnnotation: "Fresh (NoBackupExists)", v1alpha1.EvidenceAnnotation: "a listing", v1alpha1.JudgedAtAnnotation: "then", v1alpha1.TouchedAnnotation: "now",
					v1alpha1.RestoreFromAnnotation: "old/db",
				}
			},
			written: func(c *corev1.PersistentVolumeClaim) {
				c.Annotations = map[string]string{v1alpha1.RestoreFromAnnotation: "old/db"}
			},
		},
		"has no name where that was generated": {
			living:  func(c *corev1.PersistentVolumeClaim) { c.GenerateName, c.Name = "db-", "db-x7k2p" },
			written: func(c *corev1.PersistentVolumeClaim) { c.GenerateName, c.Name = "db-", "" },
		},
		"has no uid": {
			living:  func(c *corev1.PersistentVolumeClaim) { c.UID = "uid-1" },
			written: func(*corev1.PersistentVolumeClaim) {},
		},
		"keeps a name that was given beside a generated one": {
			living:  func(c *corev1.PersistentVolumeClaim) { c.GenerateName = "data-" },
			written: func(c *corev1.PersistentVolumeClaim) { c.GenerateName = "data-" },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			living := corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "db"}}
			want := *living.DeepCopy()
			test.living(&living)
			test.written(&want)
			before := living.DeepCopy()
			assert.Equal(t, &want, kube.AsWritten(&living))
			assert.Equal(t, before, &living, "the living claim is not changed")
		})
	}
}
