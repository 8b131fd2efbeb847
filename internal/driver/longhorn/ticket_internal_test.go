package longhorn

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

func aTicket() ticket {
	return ticket{
		claim: photos, uid: "7f0e", volume: "vol-1", snapshot: snapshotName(photos, noon), mode: "incremental", tags: "a,b", requestedBy: "somebody",
		started: noon, stage: stageRequest, asks: 2, askedAt: noon.Add(1500 * time.Millisecond), backup: "backup-1",
	}
}

func TestATicketIsReadAsItWasWritten(t *testing.T) {
	for sentence, want := range map[string]ticket{
		"a full one": aTicket(),
		"a new one":  {claim: photos, uid: "7f0e", volume: "vol-1", snapshot: "s", started: noon, stage: stageSnapshot},
	} {
		t.Run(sentence, func(t *testing.T) {
			lease := want.lease("soteria-system")
			got, err := readTicket(lease)
			require.NoError(t, err)
			assert.Equal(t, want, got)
			want.backup = ""
			want.write(lease)
			got, err = readTicket(lease)
			require.NoError(t, err)
			assert.Equal(t, want, got, "what is no more is taken away")
		})
	}
}

func TestALeaseThatIsNoTicketIsRefused(t *testing.T) {
	for sentence, spoil := range map[string]func(*coordinationv1.Lease){
		"no claim":             func(l *coordinationv1.Lease) { delete(l.Annotations, v1alpha1.ClaimAnnotation) },
		"a claim that is none": func(l *coordinationv1.Lease) { l.Annotations[v1alpha1.ClaimAnnotation] = "photos" },
		"another claim's uid":  func(l *coordinationv1.Lease) { l.Labels[v1alpha1.ClaimUIDLabel] = "other" },
		"no volume":            func(l *coordinationv1.Lease) { delete(l.Annotations, VolumeAnnotation) },
		"no snapshot":          func(l *coordinationv1.Lease) { delete(l.Annotations, SnapshotAnnotation) },
		"no count":             func(l *coordinationv1.Lease) { l.Annotations[asksAnnotation] = "x" },
		"no time":              func(l *coordinationv1.Lease) { l.Annotations[startedAnnotation] = "x" },
	} {
		t.Run(sentence, func(t *testing.T) {
			lease := aTicket().lease("soteria-system")
			spoil(lease)
			_, err := readTicket(lease)
			require.Error(t, err)
			assert.Equal(t, backup.Invalid, backup.KindOf(err))
			_, _, ok := Running(lease)
			assert.False(t, ok)
		})
	}
	_, _, ok := Running(&coordinationv1.Lease{})
	assert.False(t, ok, "a Lease of somebody else's")
}
