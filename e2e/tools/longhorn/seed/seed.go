// Package seed makes what Longhorn's API wants to find in the cluster before it answers: settings, a ready node with a
// disk, a deployed engine image, a running instance manager and the default backup target. In the real Longhorn an
// installer and the controllers of the data path make them. Seeding twice changes nothing.
package seed

import (
	"context"
	"fmt"
	"time"

	"github.com/longhorn/longhorn-engine/pkg/meta"
	"github.com/longhorn/longhorn-manager/datastore"
	"github.com/longhorn/longhorn-manager/engineapi"
	longhorn "github.com/longhorn/longhorn-manager/k8s/pkg/apis/longhorn/v1beta2"
	"github.com/longhorn/longhorn-manager/types"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// The images that Longhorn 1.8.1 would run. Nobody pulls them.
const (
	release         = "v1.8.1"
	EngineImage     = "longhornio/longhorn-engine:" + release
	InstanceManager = "longhornio/longhorn-instance-manager:" + release
	ShareManager    = "longhornio/longhorn-share-manager:" + release
	backingImages   = "longhornio/backing-image-manager:" + release
	supportBundle   = "longhornio/support-bundle-kit:v0.0.51"
)

// The disk of the node.
const (
	diskName   = "default-disk"
	diskUUID   = "7d3f6a58-0c5e-4a8e-9c55-2f4b4f7e1c11"
	diskPath   = "/var/lib/longhorn/"
	diskBytes  = 1 << 40
	filesystem = "ext2/ext3"
)

// Config is what to seed for.
type Config struct {
	Namespace string
	// Node is the Kubernetes node that all volumes are on, PodIP the address of this pod.
	Node, PodIP string
	// TargetURL and PollInterval are the default backup target's. Without a URL it is as in a fresh Longhorn.
	TargetURL    string
	PollInterval time.Duration
}

type seeder struct {
	Config
	client kubernetes.Interface
	store  *datastore.DataStore
}

// Run seeds.
func Run(ctx context.Context, config Config, client kubernetes.Interface, store *datastore.DataStore) error {
	s := seeder{Config: config, client: client, store: store}
	for _, step := range []struct {
		what string
		run  func(context.Context) error
	}{
		{"settings", s.settings},
		{"the engine image", s.engineImage},
		{"the node", s.node},
		{"the instance manager", s.instanceManager},
		{"the backup target", s.backupTarget},
	} {
		if err := step.run(ctx); err != nil {
			return fmt.Errorf("seed %s: %w", step.what, err)
		}
	}
	return nil
}

// settings makes all settings with Longhorn's defaults. They are read together with ConfigMaps that an installer makes.
func (s *seeder) settings(ctx context.Context) error {
	for name, key := range map[string]string{
		types.DefaultDefaultSettingConfigMapName:  types.DefaultSettingYAMLFileName,
		types.DefaultDefaultResourceConfigMapName: types.DefaultResourceYAMLFileName,
	} {
		_, err := s.client.CoreV1().ConfigMaps(s.Namespace).Create(ctx, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{key: ""},
		}, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return s.store.UpdateCustomizedSettings(map[types.SettingName]string{
		types.SettingNameCRDAPIVersion:                   types.CurrentCRDAPIVersion,
		types.SettingNameDefaultEngineImage:              EngineImage,
		types.SettingNameDefaultInstanceManagerImage:     InstanceManager,
		types.SettingNameDefaultBackingImageManagerImage: backingImages,
		types.SettingNameSupportBundleManagerImage:       supportBundle,
	})
}

func (s *seeder) engineImage(context.Context) error {
	name := types.GetEngineImageChecksumName(EngineImage)
	image, err := s.store.GetEngineImage(name)
	if apierrors.IsNotFound(err) {
		image, err = s.store.CreateEngineImage(&longhorn.EngineImage{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: types.GetEngineImageLabels(name)},
			Spec:       longhorn.EngineImageSpec{Image: EngineImage},
		})
	}
	if err != nil {
		return err
	}
	image.Status = longhorn.EngineImageStatus{
		OwnerID:           s.Node,
		State:             longhorn.EngineImageStateDeployed,
		NodeDeploymentMap: map[string]bool{s.Node: true},
		Conditions: types.SetCondition(image.Status.Conditions, longhorn.EngineImageConditionTypeReady,
			longhorn.ConditionStatusTrue, "", ""),
		EngineVersionDetails: longhorn.EngineVersionDetails{
			Version: release, GitCommit: "none", BuildDate: "none",
			CLIAPIVersion: meta.CLIAPIVersion, CLIAPIMinVersion: meta.CLIAPIMinVersion,
			ControllerAPIVersion: meta.ControllerAPIVersion, ControllerAPIMinVersion: meta.ControllerAPIMinVersion,
			DataFormatVersion: meta.DataFormatVersion, DataFormatMinVersion: meta.DataFormatMinVersion,
		},
	}
	_, err = s.store.UpdateEngineImageStatus(image)
	return err
}

func (s *seeder) instanceManager(context.Context) error {
	name, err := InstanceManagerName(s.Node)
	if err != nil {
		return err
	}
	manager, err := s.store.GetInstanceManager(name)
	if apierrors.IsNotFound(err) {
		manager, err = s.store.CreateInstanceManager(&longhorn.InstanceManager{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: longhorn.InstanceManagerSpec{
				Image: InstanceManager, NodeID: s.Node, Type: longhorn.InstanceManagerTypeAllInOne, DataEngine: longhorn.DataEngineTypeV1,
			},
		})
	}
	if err != nil {
		return err
	}
	manager.Status = longhorn.InstanceManagerStatus{
		OwnerID: s.Node, CurrentState: longhorn.InstanceManagerStateRunning, IP: s.PodIP,
		APIVersion: engineapi.CurrentInstanceManagerAPIVersion, APIMinVersion: engineapi.MinInstanceManagerAPIVersion,
	}
	_, err = s.store.UpdateInstanceManagerStatus(manager)
	return err
}

// InstanceManagerName is the name of the instance manager of a node.
func InstanceManagerName(node string) (string, error) {
	return types.GetInstanceManagerName(longhorn.InstanceManagerTypeAllInOne, node, InstanceManager, string(longhorn.DataEngineTypeV1))
}

func (s *seeder) node(context.Context) error {
	node, err := s.store.GetNode(s.Node)
	if apierrors.IsNotFound(err) {
		node, err = s.store.CreateNode(&longhorn.Node{
			ObjectMeta: metav1.ObjectMeta{Name: s.Node},
			Spec: longhorn.NodeSpec{
				Name: s.Node, AllowScheduling: true, Tags: []string{},
				Disks: map[string]longhorn.DiskSpec{diskName: {
					Type: longhorn.DiskTypeFilesystem, Path: diskPath, AllowScheduling: true, Tags: []string{},
				}},
			},
		})
	}
	if err != nil {
		return err
	}
	disk, err := s.disk()
	if err != nil {
		return err
	}
	node.Status.DiskStatus = map[string]*longhorn.DiskStatus{diskName: disk}
	for _, condition := range []string{
		longhorn.NodeConditionTypeReady, longhorn.NodeConditionTypeSchedulable, longhorn.NodeConditionTypeMountPropagation,
	} {
		node.Status.Conditions = types.SetCondition(node.Status.Conditions, condition, longhorn.ConditionStatusTrue, "", "")
	}
	_, err = s.store.UpdateNodeStatus(node)
	return err
}

// disk is the one disk of the node. Its room is made up: volumes are sparse, and the real disk may be fuller than what
// Longhorn would schedule on.
func (s *seeder) disk() (*longhorn.DiskStatus, error) {
	var conditions []longhorn.Condition
	for _, condition := range []string{longhorn.DiskConditionTypeReady, longhorn.DiskConditionTypeSchedulable} {
		conditions = types.SetCondition(conditions, condition, longhorn.ConditionStatusTrue, "", "")
	}
	name, err := InstanceManagerName(s.Node)
	if err != nil {
		return nil, err
	}
	return &longhorn.DiskStatus{
		Conditions:            conditions,
		StorageMaximum:        diskBytes,
		StorageAvailable:      diskBytes,
		ScheduledReplica:      map[string]int64{},
		ScheduledBackingImage: map[string]int64{},
		DiskUUID:              diskUUID,
		DiskName:              diskName,
		DiskPath:              diskPath,
		Type:                  longhorn.DiskTypeFilesystem,
		FSType:                filesystem,
		InstanceManagerName:   name,
	}, nil
}

func (s *seeder) backupTarget(context.Context) error {
	poll := metav1.Duration{Duration: s.PollInterval}
	target, err := s.store.GetBackupTarget(types.DefaultBackupTargetName)
	if apierrors.IsNotFound(err) {
		_, err = s.store.CreateBackupTarget(&longhorn.BackupTarget{
			ObjectMeta: metav1.ObjectMeta{Name: types.DefaultBackupTargetName},
			Spec:       longhorn.BackupTargetSpec{BackupTargetURL: s.TargetURL, PollInterval: poll},
		})
		return err
	}
	if err != nil || s.TargetURL == "" || target.Spec.BackupTargetURL == s.TargetURL && target.Spec.PollInterval == poll {
		return err
	}
	target.Spec.BackupTargetURL, target.Spec.PollInterval = s.TargetURL, poll
	target.Spec.SyncRequestedAt = metav1.Now()
	_, err = s.store.UpdateBackupTarget(target)
	return err
}
