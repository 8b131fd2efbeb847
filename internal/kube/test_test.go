package kube_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/internal/kube"
)

func TestOnlyTheClaimThatATestMadeIsItsTarget(t *testing.T) {
	lock := kube.NewLock()
	for name, c := range map[string]struct {
		mark, volume string
		is           bool
	}{
		"the claim that the test made":          {lock, lock, true},
		"one that was made from its manifest":   {lock, kube.NewLock(), false},
		"one that has no volume yet":            {lock, "", false},
		"one that is marked by hand":            {"true", "pvc-1", false},
		"one marked with a volume of another's": {"pvc-1", "pvc-1", false},
		"one that is not marked":                {"", lock, false},
		"one with neither":                      {"", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			claim := &corev1.PersistentVolumeClaim{
				ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"soteria.dev/restore-test": c.mark}},
				Spec:       corev1.PersistentVolumeClaimSpec{VolumeName: c.volume},
			}
			assert.Equal(t, c.is, kube.IsTest(claim))
		})
	}
}
