package inventory_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/inventory"
	"github.com/soteria-dr/soteria/internal/inventory/inventorytest"
)

func TestAHeldClaimIsToldWithItsReason(t *testing.T) {
	const lock = "soteria-aaaaaaaaaaaaaaaa"
	looked := func(reason decision.Reason) func(corev1.PersistentVolumeClaim) []v1alpha1.Restore {
		return func(c corev1.PersistentVolumeClaim) []v1alpha1.Restore {
			return []v1alpha1.Restore{inventorytest.Unsettled(inventorytest.Restore(c, v1alpha1.PhaseSelecting, "as it is"), reason)}
		}
	}
	taken := func(c corev1.PersistentVolumeClaim) []v1alpha1.Restore {
		return []v1alpha1.Restore{inventorytest.Restore(c, v1alpha1.PhaseSelecting, "looking for backups")}
	}
	earlier := func(c corev1.PersistentVolumeClaim) []v1alpha1.Restore {
		c.UID = types.UID("an earlier life")
		return looked(decision.ReasonRequiredNone)(c)
	}
	tests := map[string]struct {
		stamp    string
		age      time.Duration
		restores func(corev1.PersistentVolumeClaim) []v1alpha1.Restore
		reason   string
	}{
		"by the last look while that takes its usual time":               {stamp: "Hold (BackupsUnknown)", age: time.Hour, restores: looked(decision.ReasonChecking), reason: "CheckingForBackups"},
		"by the last look, however young it is":                          {stamp: "Hold (CheckingForBackups)", restores: looked(decision.ReasonUnknown), reason: "BackupsUnknown"},
		"by admission before the first look":                             {stamp: "Hold (RequiredBackupMissing)", reason: "RequiredBackupMissing"},
		"by admission during the first look":                             {stamp: "Hold (BackupsUnknown)", restores: taken, reason: "BackupsUnknown"},
		"by admission, and not by the look of an earlier life":           {stamp: "Hold (BackupsUnknown)", restores: earlier, reason: "BackupsUnknown"},
		"as checked where admission found a backup a moment ago":         {stamp: "Restore (BackupFound)", restores: taken, reason: "CheckingForBackups"},
		"as checked where admission said so a moment ago":                {stamp: "Hold (CheckingForBackups)", age: 30 * time.Second, reason: "CheckingForBackups"},
		"as checked where its verdict is no longer there":                {reason: "CheckingForBackups"},
		"as looked for where the first look takes longer":                {stamp: "Hold (CheckingForBackups)", age: 31 * time.Second, restores: taken, reason: "LookingForBackups"},
		"as looked for where the first look never came to a found claim": {stamp: "Restore (BackupFound)", age: time.Hour, reason: "LookingForBackups"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			claim := inventorytest.Claim("media", "photos", inventorytest.Locked(lock), func(c *corev1.PersistentVolumeClaim) {
				c.Annotations = map[string]string{v1alpha1.VerdictAnnotation: test.stamp}
				c.CreationTimestamp = metav1.NewTime(now.Add(-test.age))
			})
			facts := inventorytest.State(claim)
			if test.restores != nil {
				facts.Restores = test.restores(claim)
			}
			built, _ := inventory.Build(facts)
			require.Len(t, built.Claims(), 1)
			assert.Equal(t, inventory.Held, built.Claims()[0].Health)
			assert.Equal(t, test.reason, built.Claims()[0].HoldReason)
		})
	}
}

func TestAClaimThatIsNotHeldHasNoReasonToBe(t *testing.T) {
	held := inventorytest.Claim("media", "photos", inventorytest.Locked("soteria-aaaaaaaaaaaaaaaa"))
	facts := inventorytest.State(held, inventorytest.Claim("media", "music"))
	facts.Restores = []v1alpha1.Restore{inventorytest.Unsettled(inventorytest.Restore(held, v1alpha1.PhaseTransferring, "as it is"), decision.ReasonUnknown)}
	built, _ := inventory.Build(facts)
	for _, c := range built.Claims() {
		assert.NotEqual(t, inventory.Held, c.Health)
		assert.Empty(t, c.HoldReason)
	}
}
