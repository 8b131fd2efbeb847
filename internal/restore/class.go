package restore

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

const (
	// defaultClassAnnotation marks the class for claims that name none.
	defaultClassAnnotation = "storageclass.kubernetes.io/is-default-class"
	// noProvisioner is the provisioner of classes whose volumes are made by hand.
	noProvisioner = "kubernetes.io/no-provisioner"
	// twinOfAnnotation on a twin names the class that it is like.
	twinOfAnnotation = "soteria.dev/twin-of"
	// onlyProvisioned says what to do about volumes made by hand.
	onlyProvisioned = "Soteria restores onto provisioned volumes only, and locks no claim that has the label " +
		v1alpha1.RestoreLabel + "=skip and a reason when it is made"
)

// className is the class that a claim asks for: nil when it names none, "" when
// it wants none. The annotation is older than the field and wins, as it does in
// the volume binder.
func className(claim *corev1.PersistentVolumeClaim) *string {
	if name, set := claim.Annotations[corev1.BetaStorageClassAnnotation]; set {
		return &name
	}
	return claim.Spec.StorageClassName
}

// boundClass is the class that a volume must have for the binder to bind it to
// the claim.
func boundClass(claim *corev1.PersistentVolumeClaim) string {
	if name := className(claim); name != nil {
		return *name
	}
	return ""
}

// provisioningClass finds the class that makes volumes for a claim: the one it
// names or, if it names none, the cluster's default. A problem says why no
// volume can be made.
func (r *Reconciler) provisioningClass(ctx context.Context, claim *corev1.PersistentVolumeClaim) (class *storagev1.StorageClass, problem string, err error) {
	name := className(claim)
	if name == nil {
		var classes storagev1.StorageClassList
		if err := r.client.List(ctx, &classes); err != nil {
			return nil, "", fmt.Errorf("list storage classes: %w", err)
		}
		if class = defaultClass(classes.Items); class == nil {
			return nil, "the claim names no storage class and the cluster has no default one; make one the default", nil
		}
		return class, unusable(class), nil
	}
	if *name == "" {
		return nil, `the claim's storage class is "", for which nothing makes volumes; ` + onlyProvisioned, nil
	}
	class, err = find(ctx, r.client, types.NamespacedName{Name: *name}, &storagev1.StorageClass{})
	if err != nil {
		return nil, "", err
	}
	if class == nil {
		return nil, fmt.Sprintf("the claim's storage class %s does not exist", *name), nil
	}
	return class, unusable(class), nil
}

func unusable(class *storagev1.StorageClass) string {
	if class.Provisioner == noProvisioner {
		return fmt.Sprintf("storage class %s has volumes made by hand; %s", class.Name, onlyProvisioned)
	}
	return ""
}

// defaultClass picks the default class as the API server does: the newest of
// those marked, then the first by name.
func defaultClass(classes []storagev1.StorageClass) *storagev1.StorageClass {
	var chosen *storagev1.StorageClass
	for i := range classes {
		class := &classes[i]
		if class.Annotations[defaultClassAnnotation] != "true" {
			continue
		}
		switch {
		case chosen == nil,
			class.CreationTimestamp.After(chosen.CreationTimestamp.Time),
			class.CreationTimestamp.Equal(&chosen.CreationTimestamp) && class.Name < chosen.Name:
			chosen = class
		}
	}
	return chosen
}

// twin is a class that makes volumes as the given one does, under a name of its
// own. The binder binds a waiting prime to any unclaimed volume of the prime's
// class that fits, whatever it holds; a volume made by hand may have the claim's
// class, but none has the twin's.
func twin(class *storagev1.StorageClass) (*storagev1.StorageClass, error) {
	made := class.DeepCopy()
	made.ObjectMeta = metav1.ObjectMeta{
		Labels:      map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.RoleLabel: v1alpha1.RoleTwin},
		Annotations: map[string]string{twinOfAnnotation: class.Name},
	}
	fingerprint, err := json.Marshal(made)
	if err != nil {
		return nil, fmt.Errorf("fingerprint storage class %s: %w", class.Name, err)
	}
	made.Name = twinName(class.Name, string(fingerprint))
	return made, nil
}

// ensureTwin sees to it that the twin exists.
func (r *Reconciler) ensureTwin(ctx context.Context, class *storagev1.StorageClass) (name string, err error) {
	made, err := twin(class)
	if err != nil {
		return "", err
	}
	found, err := find(ctx, r.client, client.ObjectKeyFromObject(made), &storagev1.StorageClass{})
	if err != nil || found != nil {
		return made.Name, err
	}
	if err := r.client.Create(ctx, made); err != nil && !apierrors.IsAlreadyExists(err) {
		return "", fmt.Errorf("make storage class %s, the twin of %s: %w", made.Name, class.Name, err)
	}
	return made.Name, nil
}

// late reports whether volumes of the class are made only for a pod that uses
// them.
func late(class *storagev1.StorageClass) bool {
	return class.VolumeBindingMode != nil && *class.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer
}
