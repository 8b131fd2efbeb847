package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Group is Soteria's API group.
const Group = "soteria.dev"

// RestoreKind is the kind that a claim's dataSourceRef names.
const RestoreKind = "Restore"

// GroupVersion is this package's group and version.
var GroupVersion = schema.GroupVersion{Group: Group, Version: "v1alpha1"}

// AddToScheme registers this package's types.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &Restore{}, &RestoreList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
