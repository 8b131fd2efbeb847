package moverjob

import (
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/mover/pulse"
)

// Container is the name of the container that moves the data.
const Container = "mover"

// The folders of a mover's container, beside the volume itself.
const (
	// CredentialsFolder holds one file for each key of the credentials.
	CredentialsFolder = "/credentials"
	// ScratchFolder is an empty folder for temporary files.
	ScratchFolder = "/tmp"
	// SourceFolder is the volume that a copy is made of.
	SourceFolder = "/source"
	// RepositoryFolder is the folder of the node that a Job works on.
	RepositoryFolder = "/repository"

	binaryFolder = "/soteria"
)

// Binary is where the install container puts Soteria's binary.
var Binary = path.Join(binaryFolder, "soteria")

// installUser runs the install container: anybody without rights.
const installUser = 65532

// Spec is what one mover Job differs in from another.
type Spec struct {
	Namespace string
	Name      string
	// Role is one of the Role constants of v1alpha1.
	Role string
	// Claim and ClaimUID identify the claim that the Job serves.
	Claim    backup.Claim
	ClaimUID types.UID
	// Annotations are put on the Job beside that of the claim.
	Annotations map[string]string

	// SoteriaImage supplies the soteria binary; its entry point is that binary.
	SoteriaImage string
	// Image is the image that the mover runs in, for the programs that it needs;
	// empty runs it in Soteria's own.
	Image string
	// Args are what follows `soteria mover`.
	Args []string
	// Capabilities are all that the mover has of root's powers.
	Capabilities []corev1.Capability
	Resources    corev1.ResourceRequirements

	// Volume is the claim that is mounted, at MountPath; Block makes it a raw
	// device of that path. ReadOnly also keeps the kubelet from relabelling
	// (SELinux) or regrouping the files of a volume that another pod uses.
	// With EmptyDir instead, an empty folder of the node is mounted that may grow
	// to that size; with ConfigMaps, a folder that holds a file for each key of
	// theirs. The pod waits until they exist.
	Volume     string
	EmptyDir   *resource.Quantity
	ConfigMaps []string
	MountPath  string
	Block      bool
	ReadOnly   bool
	// Source, when set, is a second claim, mounted read-only at SourceFolder.
	Source string
	// Credentials is the Secret mounted at CredentialsFolder; "" mounts none.
	// The pod waits until it exists.
	Credentials string
	// HostFolder, when set, is a folder of the node that is mounted at
	// RepositoryFolder; it must exist.
	HostFolder string

	// CachePath, when set, is the folder of the container where a kept cache, if there
	// is one, is mounted, and CacheName the folder of it that is this repository's.
	CachePath, CacheName string

	// NodeSelector, Tolerations and Affinity say where the pod may run.
	NodeSelector map[string]string
	Tolerations  []corev1.Toleration
	Affinity     *corev1.Affinity
	// Pulse has the kubelet ask the mover whether it moves anything, see package
	// [pulse].
	Pulse bool
	// Room is the least that the mover asks for, whatever Settings say, so that it
	// runs only where that much is free. A limit below it is raised.
	Room corev1.ResourceList

	ServiceAccount string
	// Settings are the operator's, and win over Resources.
	Settings Settings
	// TrustFile, when set, is a file of the container with the certificate
	// authorities that its programs trust.
	TrustFile string
	// Retries is how often Kubernetes makes a new pod after one that failed.
	Retries int32
	// Deadline ends the Job, whatever it is doing.
	Deadline time.Duration
	// TTL is how long the finished Job stays; nil keeps it until it is deleted.
	TTL *time.Duration
}

// Labels gives the labels of every object that serves a claim in a role.
func Labels(role string, claimUID types.UID) map[string]string {
	return map[string]string{
		v1alpha1.ManagedByLabel: v1alpha1.ManagedBy,
		v1alpha1.RoleLabel:      role,
		v1alpha1.ClaimUIDLabel:  string(claimUID),
	}
}

// Build makes the Job.
//
// The mover runs as root, since the files of a volume belong to anybody, but of
// root's powers it has only Capabilities; it cannot gain others, its root folder
// is read-only, and no token of a service account is mounted. The install
// container needs no power at all.
//
// A pod that was evicted or drained away does not count as a failure: it is
// replaced, once it is gone.
func Build(s Spec) *batchv1.Job {
	labels := Labels(s.Role, s.ClaimUID)
	annotations := map[string]string{v1alpha1.ClaimAnnotation: s.Claim.String()}
	maps.Copy(annotations, s.Annotations)
	if room := s.raised(); room != "" {
		annotations[v1alpha1.RoomAnnotation] = room
	}
	if s.Role == v1alpha1.RoleFill {
		annotations[v1alpha1.SettingsAnnotation] = s.settled()
	}

	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name, Labels: labels, Annotations: annotations},
		Spec: batchv1.JobSpec{
			BackoffLimit:          ptr.To(s.Retries),
			ActiveDeadlineSeconds: ptr.To(int64(s.Deadline.Seconds())),
			PodReplacementPolicy:  ptr.To(batchv1.Failed),
			PodFailurePolicy: &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{{
				Action:          batchv1.PodFailurePolicyActionIgnore,
				OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}},
			}}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels:      s.Settings.podLabels(labels),
					Annotations: s.Settings.podAnnotations(map[string]string{v1alpha1.ClaimAnnotation: s.Claim.String()}),
				},
				Spec: podSpec(s),
			},
		},
	}
	if s.Settings.CacheSize != nil {
		// A pod that outgrows its cache is evicted, and would be again: it counts as
		// a failure.
		job.Spec.PodFailurePolicy = nil
	}
	if s.TTL != nil {
		job.Spec.TTLSecondsAfterFinished = ptr.To(int32(s.TTL.Seconds()))
	}
	return job
}

func podSpec(s Spec) corev1.PodSpec {
	pod := corev1.PodSpec{
		RestartPolicy:                corev1.RestartPolicyNever,
		AutomountServiceAccountToken: ptr.To(false),
		EnableServiceLinks:           ptr.To(false),
		ServiceAccountName:           s.ServiceAccount,
		NodeSelector:                 s.NodeSelector,
		Tolerations:                  s.Tolerations,
		Affinity:                     s.Affinity,
		ImagePullSecrets:             s.Settings.pullSecrets(),
		PriorityClassName:            s.Settings.PriorityClass,
		SecurityContext: &corev1.PodSecurityContext{
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Volumes: []corev1.Volume{
			{Name: "data", VolumeSource: dataSource(s)},
			{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: s.Settings.CacheSize}}},
		},
	}
	mover := corev1.Container{
		Name:                     Container,
		Image:                    s.SoteriaImage,
		Args:                     append([]string{"mover"}, s.Args...),
		Env:                      s.environment(),
		Resources:                withRoom(s.asked(), s.Room),
		SecurityContext:          lockedDown(0, s.Capabilities),
		TerminationMessagePath:   corev1.TerminationMessagePathDefault,
		TerminationMessagePolicy: corev1.TerminationMessageReadFile,
	}
	if s.Pulse {
		mover.ReadinessProbe = pulseProbe()
	}
	if s.Block {
		mover.VolumeDevices = []corev1.VolumeDevice{{Name: "data", DevicePath: s.MountPath}}
	} else {
		mover.VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: s.MountPath, ReadOnly: s.ReadOnly}}
	}
	mover.VolumeMounts = append(mover.VolumeMounts, corev1.VolumeMount{Name: "scratch", MountPath: ScratchFolder})
	if s.Image != "" {
		mover.Image = s.Image
		mover.Command = []string{Binary}
		mover.VolumeMounts = append(mover.VolumeMounts, corev1.VolumeMount{Name: "soteria", MountPath: binaryFolder, ReadOnly: true})
		pod.Volumes = append(pod.Volumes, corev1.Volume{Name: "soteria", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
		pod.InitContainers = []corev1.Container{{
			Name:  "install",
			Image: s.SoteriaImage,
			Args:  []string{"mover", "install", Binary},
			// Those of the mover, which runs after it: that costs nothing, and what
			// a quota or a LimitRange asks of each container is settled once.
			Resources:       s.asked(),
			SecurityContext: lockedDown(installUser, nil),
			VolumeMounts:    []corev1.VolumeMount{{Name: "soteria", MountPath: binaryFolder}},
		}}
	}
	if s.Credentials != "" {
		pod.Volumes = append(pod.Volumes, corev1.Volume{Name: "credentials", VolumeSource: corev1.VolumeSource{
			Secret: &corev1.SecretVolumeSource{SecretName: s.Credentials, DefaultMode: ptr.To[int32](0o400)},
		}})
		mover.VolumeMounts = append(mover.VolumeMounts, corev1.VolumeMount{Name: "credentials", MountPath: CredentialsFolder, ReadOnly: true})
	}
	if s.Source != "" {
		pod.Volumes = append(pod.Volumes, corev1.Volume{Name: "source", VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: s.Source, ReadOnly: true},
		}})
		mover.VolumeMounts = append(mover.VolumeMounts, corev1.VolumeMount{Name: "source", MountPath: SourceFolder, ReadOnly: true})
	}
	if s.HostFolder != "" {
		pod.Volumes = append(pod.Volumes, corev1.Volume{Name: "repository", VolumeSource: corev1.VolumeSource{
			HostPath: &corev1.HostPathVolumeSource{Path: s.HostFolder, Type: ptr.To(corev1.HostPathDirectory)},
		}})
		mover.VolumeMounts = append(mover.VolumeMounts, corev1.VolumeMount{Name: "repository", MountPath: RepositoryFolder})
	}
	if volume, mount, kept := s.cacheVolume(); kept {
		pod.Volumes = append(pod.Volumes, volume)
		mover.VolumeMounts = append(mover.VolumeMounts, mount)
	}
	pod.Containers = []corev1.Container{mover}
	return pod
}

// pulseProbe has the container not be ready while its mover moves nothing. Nothing
// follows from that but what package stall says of it.
func pulseProbe() *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:        corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: pulse.Command(ScratchFolder)}},
		InitialDelaySeconds: int32(pulse.Start.Seconds()),
		PeriodSeconds:       int32(pulse.Period.Seconds()),
		TimeoutSeconds:      int32(pulse.Timeout.Seconds()),
		FailureThreshold:    pulse.Failures,
	}
}

// environment returns the variables of the mover's container.
func (s Spec) environment() []corev1.EnvVar {
	if s.TrustFile == "" {
		return s.Settings.env()
	}
	return s.Settings.env(corev1.EnvVar{Name: "SSL_CERT_FILE", Value: s.TrustFile})
}

func dataSource(s Spec) corev1.VolumeSource {
	if s.EmptyDir != nil {
		return corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: s.EmptyDir}}
	}
	if len(s.ConfigMaps) > 0 {
		projected := &corev1.ProjectedVolumeSource{DefaultMode: ptr.To[int32](0o444)}
		for _, name := range s.ConfigMaps {
			projected.Sources = append(projected.Sources, corev1.VolumeProjection{
				ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: name}},
			})
		}
		return corev1.VolumeSource{Projected: projected}
	}
	return corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: s.Volume, ReadOnly: s.ReadOnly}}
}

func lockedDown(user int64, capabilities []corev1.Capability) *corev1.SecurityContext {
	return &corev1.SecurityContext{
		RunAsUser:                ptr.To(user),
		RunAsGroup:               ptr.To(user),
		RunAsNonRoot:             ptr.To(user != 0),
		ReadOnlyRootFilesystem:   ptr.To(true),
		AllowPrivilegeEscalation: ptr.To(false),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}, Add: capabilities},
	}
}

// asked returns the resources that the mover asks for by itself.
func (s Spec) asked() corev1.ResourceRequirements { return over(s.Resources, s.Settings.Resources) }

// raised says which requests the room raises, and to what: "cpu=2,memory=4Gi"; "" if
// none.
func (s Spec) raised() string {
	var raised []string
	own, all := s.asked().Requests, withRoom(s.asked(), s.Room).Requests
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if request, least := all[name], own[name]; request.Cmp(least) > 0 {
			raised = append(raised, string(name)+"="+request.String())
		}
	}
	return strings.Join(raised, ",")
}

// withRoom returns the resources of a container that asks for room at least.
func withRoom(asked corev1.ResourceRequirements, room corev1.ResourceList) corev1.ResourceRequirements {
	more := make(corev1.ResourceList, len(room))
	for name, least := range room {
		if request := asked.Requests[name]; request.Cmp(least) < 0 {
			more[name] = least
		}
	}
	return over(asked, corev1.ResourceRequirements{Requests: more})
}

// DefaultResources suit a mover that runs restic: it holds the repository's
// index in memory, which grows with the repository.
func DefaultResources() corev1.ResourceRequirements {
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("128Mi")},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("2Gi")},
	}
}

// SmallResources suit a container that only runs Soteria's own code.
func SmallResources() corev1.ResourceRequirements {
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("32Mi")},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")},
	}
}
