// Package v1alpha1 holds what Soteria stores in the Kubernetes API: the Restore
// resource, and the labels and annotations that Soteria reads and writes on
// claims and on the objects it makes.
//
// +kubebuilder:object:generate=true
// +groupName=soteria.dev
package v1alpha1
