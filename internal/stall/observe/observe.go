// Package observe gathers what package stall diagnoses from the cluster.
package observe

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/stall"
)

// Cluster is where a wait is observed.
type Cluster struct {
	// Client reads VolumeAttachments, from a cache.
	Client client.Reader
	// Reader reads all else from the API server itself.
	Reader client.Reader
}

// Complete adds to the Jobs, pods and claims of a world what they depend on: volumes
// and their attachments, nodes, and the events about all of them. It costs a GET for
// each volume and node and a list for each object that events are about. What could
// be read is added also where it returns an error.
func (c Cluster) Complete(ctx context.Context, w *stall.World) error {
	return errors.Join(c.volumes(ctx, w), c.Nodes(ctx, w), c.events(ctx, w))
}

func (c Cluster) volumes(ctx context.Context, w *stall.World) error {
	names := sets.New[string]()
	var problems []error
	for i := range w.Claims {
		name := w.Claims[i].Spec.VolumeName
		if name == "" || names.Has(name) {
			continue
		}
		names.Insert(name)
		var volume corev1.PersistentVolume
		switch err := c.Reader.Get(ctx, types.NamespacedName{Name: name}, &volume); {
		case err == nil:
			w.Volumes = append(w.Volumes, volume)
		case !apierrors.IsNotFound(err):
			problems = append(problems, fmt.Errorf("reading PersistentVolume %s: %w", name, err))
		}
	}
	if names.Len() == 0 {
		return errors.Join(problems...)
	}
	var attachments storagev1.VolumeAttachmentList
	if err := c.Client.List(ctx, &attachments); err != nil {
		problems = append(problems, fmt.Errorf("listing VolumeAttachments: %w", err))
	}
	for _, a := range attachments.Items {
		if name := a.Spec.Source.PersistentVolumeName; name != nil && names.Has(*name) {
			w.Attachments = append(w.Attachments, a)
		}
	}
	return errors.Join(problems...)
}

// Nodes adds the nodes that the other objects of the world name.
func (c Cluster) Nodes(ctx context.Context, w *stall.World) error {
	names := sets.New[string]()
	for i := range w.Pods {
		names.Insert(w.Pods[i].Spec.NodeName)
	}
	for i := range w.Attachments {
		names.Insert(w.Attachments[i].Spec.NodeName)
	}
	for i := range w.Claims {
		names.Insert(w.Claims[i].Annotations[stall.SelectedNodeAnnotation])
	}
	if w.Nodes == nil {
		w.Nodes = map[string]*corev1.Node{}
	}
	var problems []error
	for name := range names.Delete("") {
		if _, known := w.Nodes[name]; known {
			continue
		}
		var node corev1.Node
		switch err := c.Reader.Get(ctx, types.NamespacedName{Name: name}, &node); {
		case err == nil:
			w.Nodes[name] = &node
		case apierrors.IsNotFound(err):
			w.Nodes[name] = nil
		default:
			problems = append(problems, fmt.Errorf("reading Node %s: %w", name, err))
		}
	}
	return errors.Join(problems...)
}

// events adds the events about the other objects. Those about volumes, which have no
// namespace, are in the default one.
func (c Cluster) events(ctx context.Context, w *stall.World) error {
	var problems []error
	read := func(about client.Object) {
		var list corev1.EventList
		err := c.Reader.List(ctx, &list, client.InNamespace(cmp.Or(about.GetNamespace(), metav1.NamespaceDefault)),
			client.MatchingFields{"involvedObject.uid": string(about.GetUID())})
		if err != nil {
			problems = append(problems, fmt.Errorf("listing the events of %s: %w", client.ObjectKeyFromObject(about), err))
		}
		w.Events = append(w.Events, list.Items...)
	}
	for i := range w.Jobs {
		read(&w.Jobs[i])
	}
	for i := range w.Pods {
		read(&w.Pods[i])
	}
	for i := range w.Claims {
		read(&w.Claims[i])
	}
	for i := range w.Volumes {
		read(&w.Volumes[i])
	}
	return errors.Join(problems...)
}
