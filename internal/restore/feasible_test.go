package restore_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/restore"
)

// madeByLonghorn is a backup system with volumes of its own.
type madeByLonghorn struct{ driver.VolumeMaker }

func (madeByLonghorn) Provisioner() string { return "driver.longhorn.io" }

func storageClass(name, provisioner string, annotations map[string]string) client.Object {
	return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: annotations}, Provisioner: provisioner}
}

func TestFeasible(t *testing.T) {
	byDefault := map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}
	classes := []client.Object{
		storageClass("fast", provider, nil), storageClass("longhorn", "driver.longhorn.io", nil), storageClass("manual", "kubernetes.io/no-provisioner", nil),
	}
	tests := map[string]struct {
		class  *string
		block  bool
		driver string
		more   client.Object
		field  string
		says   string
	}{
		"a file system from a driver that fills":            {class: ptr.To("fast"), driver: "restic"},
		"a file system from a driver that makes volumes":    {class: ptr.To("longhorn"), driver: "longhorn"},
		"a block device from a driver that makes volumes":   {class: ptr.To("longhorn"), block: true, driver: "longhorn"},
		"the default class":                                 {driver: "restic", more: storageClass("usual", provider, byDefault)},
		"no block device from a driver that fills":          {class: ptr.To("fast"), block: true, driver: "restic", field: "volume_mode", says: "raw block device"},
		"no block device from volumes of another class":     {class: ptr.To("fast"), block: true, driver: "longhorn", field: "volume_mode", says: "file system only"},
		"nothing from a driver that is not configured":      {class: ptr.To("fast"), driver: "s3", field: "snapshot", says: "not configured"},
		"nothing of a class that does not exist":            {class: ptr.To("gone"), driver: "restic", field: "storage_class", says: "does not exist"},
		"nothing of a class whose volumes are made by hand": {class: ptr.To("manual"), driver: "restic", field: "storage_class", says: "by hand"},
		"nothing of no class":                               {class: ptr.To(""), driver: "restic", field: "storage_class", says: `class is ""`},
		"nothing of the default class where there is none":  {driver: "restic", field: "storage_class", says: "no default one"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			objects := classes
			if test.more != nil {
				objects = append(objects[:len(objects):len(objects)], test.more)
			}
			r := restore.New(restore.Config{
				Namespace: own, Client: fake.NewClientBuilder().WithScheme(scheme()).WithObjects(objects...).Build(),
				Fillers: map[string]driver.Filler{"restic": nil, "longhorn": nil}, Makers: map[string]driver.VolumeMaker{"longhorn": madeByLonghorn{}},
			})
			claim := &corev1.PersistentVolumeClaim{Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: test.class}}
			if test.block {
				claim.Spec.VolumeMode = ptr.To(corev1.PersistentVolumeBlock)
			}
			err := r.Feasible(t.Context(), claim, backup.Backup{Driver: test.driver, ID: backupID})
			if test.field == "" {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, backup.Invalid, backup.KindOf(err))
			assert.Equal(t, test.field, backup.FieldOf(err))
			assert.ErrorContains(t, err, test.says)
		})
	}
	t.Run("what cannot be told is no refusal", func(t *testing.T) {
		away := interceptor.NewClient(fake.NewClientBuilder().WithScheme(scheme()).Build(), interceptor.Funcs{
			Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
				return errors.New("connection refused")
			},
		})
		claim := &corev1.PersistentVolumeClaim{Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: ptr.To("fast")}}
		err := restore.New(restore.Config{Namespace: own, Client: away}).Feasible(t.Context(), claim, backup.Backup{Driver: "restic"})
		assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	})
}
