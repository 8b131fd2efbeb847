package firstbackup_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/firstbackup"
)

func guard(t *testing.T, known string, waiting ...string) firstbackup.Guard {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, corev1.AddToScheme(scheme))
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	var objects []client.Object
	for _, name := range waiting {
		objects = append(objects, &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
			Spec:       corev1.PersistentVolumeClaimSpec{VolumeName: "soteria-" + name},
		})
	}
	return firstbackup.Guard{
		Reader: fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build(),
		Known:  func(context.Context, string) (string, error) { return known, nil },
	}
}

type backuper struct{ asked int }

func (b *backuper) Backup(context.Context, driver.BackupRequest) (driver.BackupStarted, error) {
	b.asked++
	return driver.BackupStarted{JobName: "job"}, nil
}

func TestNoBackupBeginsARepositoryWhileAClaimWaits(t *testing.T) {
	for name, test := range map[string]struct {
		guard   firstbackup.Guard
		refused string
	}{
		"the repository is known, whoever waits": {guard: guard(t, "id", "db")},
		"nobody waits":                           {guard: guard(t, "")},
		"a claim waits":                          {guard: guard(t, "", "db"), refused: "claim shop/db waits"},
		"two claims wait":                        {guard: guard(t, "", "db", "files"), refused: "claims wait (shop/db and 1 more)"},
		"nobody can see whether one waits": {guard: func() firstbackup.Guard {
			g := guard(t, "")
			g.DenyUnknown = true
			return g
		}(), refused: "it cannot be told whether one waits"},
	} {
		for _, dryRun := range []bool{false, true} {
			inner := &backuper{}
			_, err := test.guard.Guarded("restic", inner).Backup(t.Context(), driver.BackupRequest{DryRun: dryRun})
			if test.refused == "" {
				require.NoError(t, err, name)
				assert.Equal(t, 1, inner.asked, name)
				continue
			}
			require.ErrorContains(t, err, test.refused, name)
			require.ErrorContains(t, err, "soteria repository init", name)
			assert.Equal(t, backup.Conflict, backup.KindOf(err), name)
			assert.Zero(t, inner.asked, name)
		}
	}
}

func TestWhatCannotBeToldIsNotTakenForNothing(t *testing.T) {
	g := guard(t, "")
	g.Known = func(context.Context, string) (string, error) {
		return "", backup.Errorf(backup.Unavailable, "no answer")
	}
	inner := &backuper{}
	_, err := g.Guarded("restic", inner).Backup(t.Context(), driver.BackupRequest{})
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.Zero(t, inner.asked)
	require.Error(t, g.MayMake(t.Context(), "restic", ""))

	g = guard(t, "")
	g.Reader = broken{g.Reader}
	_, err = g.Guarded("restic", inner).Backup(t.Context(), driver.BackupRequest{})
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.Zero(t, inner.asked)
}

type broken struct{ client.Reader }

func (broken) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("no answer")
}

func TestARepositoryIsMadeOnlyWhereNoneIsRememberedAndNobodyWaits(t *testing.T) {
	require.NoError(t, guard(t, "").MayMake(t.Context(), "restic", ""))
	require.NoError(t, guard(t, "made").MayMake(t.Context(), "restic", "made"), "a listing was quicker")
	require.ErrorContains(t, guard(t, "id").MayMake(t.Context(), "restic", ""), "has used the repository id so far")
	require.ErrorContains(t, guard(t, "id").MayMake(t.Context(), "restic", "made"), "has used the repository id so far")
	require.ErrorContains(t, guard(t, "", "db").MayMake(t.Context(), "restic", ""), "claim shop/db waits")
	require.ErrorContains(t, guard(t, "made", "db").MayMake(t.Context(), "restic", "made"), "claim shop/db waits")
}
