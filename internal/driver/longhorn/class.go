package longhorn

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Provisioner is the name of Longhorn's CSI driver.
const Provisioner = "driver.longhorn.io"

// What holds where a class does not say otherwise: Longhorn's CSI plugin starts
// from these.
const (
	defaultStaleReplicaTimeout = 2880 // minutes
	defaultDataEngine          = "v1"
	defaultFSType              = "ext4"
)

// csiPrefix begins the parameters of a class that are for Kubernetes' sidecars
// and not for the driver.
const csiPrefix = "csi.storage.k8s.io/"

// settings are what a class's parameters say of the volumes that are made of it,
// by the names of Longhorn's API.
type settings struct {
	// Replicas is 0 where Longhorn's own setting decides.
	Replicas            int
	StaleReplicaTimeout int // minutes
	DataEngine          string
	DataLocality        string
	ReplicaAutoBalance  string
	DiskSelector        []string
	NodeSelector        []string
	Encrypted           bool
	Migratable          bool
	// RevisionCounterDisabled is the opposite of what the field's name says in
	// words: true is Longhorn's default for volumes that its CSI plugin makes.
	RevisionCounterDisabled     bool
	UnmapMarkSnapChainRemoved   string
	ReplicaSoftAntiAffinity     string
	ReplicaZoneSoftAntiAffinity string
	ReplicaDiskSoftAntiAffinity string
	FreezeFilesystemForSnapshot string
}

// settingsOf reads a class's parameters as Longhorn's CSI plugin does when it
// makes a volume. What it does not know is left to the plugin, which gets all
// parameters with the volume. Errors are of kind Invalid and name the class and
// the parameter.
func settingsOf(class *storagev1.StorageClass) (settings, error) {
	p := parameters{class: class}
	s := settings{
		Replicas:                    p.number("numberOfReplicas", 0),
		StaleReplicaTimeout:         p.number("staleReplicaTimeout", defaultStaleReplicaTimeout),
		DataEngine:                  cmp.Or(p.text("dataEngine"), defaultDataEngine),
		DataLocality:                p.text("dataLocality"),
		ReplicaAutoBalance:          p.text("replicaAutoBalance"),
		DiskSelector:                p.list("diskSelector"),
		NodeSelector:                p.list("nodeSelector"),
		Encrypted:                   p.yes("encrypted", false),
		Migratable:                  p.yes("migratable", false),
		RevisionCounterDisabled:     p.yes("disableRevisionCounter", true),
		UnmapMarkSnapChainRemoved:   p.text("unmapMarkSnapChainRemoved"),
		ReplicaSoftAntiAffinity:     p.text("replicaSoftAntiAffinity"),
		ReplicaZoneSoftAntiAffinity: p.text("replicaZoneSoftAntiAffinity"),
		ReplicaDiskSoftAntiAffinity: p.text("replicaDiskSoftAntiAffinity"),
		FreezeFilesystemForSnapshot: p.text("freezeFilesystemForSnapshot"),
	}
	return s, p.problem
}

// parameters reads the parameters of a class and keeps the first problem.
type parameters struct {
	class   *storagev1.StorageClass
	problem error
}

func (p *parameters) text(key string) string { return p.class.Parameters[key] }

func (p *parameters) number(key string, otherwise int) int {
	text := p.text(key)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		p.bad(key, "a number")
	}
	return n
}

func (p *parameters) yes(key string, otherwise bool) bool {
	text := p.text(key)
	if text == "" {
		return otherwise
	}
	is, err := strconv.ParseBool(text)
	if err != nil {
		p.bad(key, "true or false")
	}
	return is
}

// list reads tags that are separated by commas.
func (p *parameters) list(key string) []string {
	found := []string{}
	for each := range strings.SplitSeq(p.text(key), ",") {
		if each = strings.TrimSpace(each); each != "" {
			found = append(found, each)
		}
	}
	return found
}

func (p *parameters) bad(key, wanted string) {
	if p.problem == nil {
		p.problem = backup.Errorf(backup.Invalid, "storage class %s: parameter %s is %q, which is not %s", p.class.Name, key, p.text(key), wanted)
	}
}

// accessMode gives Longhorn's word for a claim's access modes.
func accessMode(modes []corev1.PersistentVolumeAccessMode) string {
	word := "rwo"
	for _, mode := range modes {
		switch mode {
		case corev1.ReadWriteMany, corev1.ReadOnlyMany:
			return "rwx"
		case corev1.ReadWriteOncePod:
			word = "rwop"
		case corev1.ReadWriteOnce:
		}
	}
	return word
}

// volumeAttributes are what a volume's object tells the CSI plugin at mount: the
// class's parameters, as the external provisioner passes them on.
func volumeAttributes(class *storagev1.StorageClass, access string) map[string]string {
	attributes := make(map[string]string, len(class.Parameters)+1)
	maps.Copy(attributes, class.Parameters)
	maps.DeleteFunc(attributes, func(key, _ string) bool { return strings.HasPrefix(key, csiPrefix) })
	if access == "rwx" {
		attributes["share"] = "true"
	}
	return attributes
}

// fsType is the file system that the plugin makes and mounts.
func fsType(class *storagev1.StorageClass) string {
	found := class.Parameters[csiPrefix+"fstype"]
	for key, value := range class.Parameters {
		if found == "" && strings.EqualFold(key, "fstype") {
			found = value
		}
	}
	return cmp.Or(found, defaultFSType)
}

// secrets are the Secrets that a class names for the steps of a volume's life,
// nil where it names none.
type secrets struct {
	Provisioner, ControllerPublish, NodeStage, NodePublish, ControllerExpand, NodeExpand *corev1.SecretReference
}

// secretsOf resolves the names of a class's Secrets for a claim and its volume,
// whose names they may hold: ${pv.name}, ${pvc.namespace}, ${pvc.name} and
// ${pvc.annotations['<key>']}, as the external provisioner resolves them.
// Errors are of kind Invalid.
func secretsOf(class *storagev1.StorageClass, claim *corev1.PersistentVolumeClaim) (secrets, error) {
	var s secrets
	for role, into := range map[string]**corev1.SecretReference{
		"provisioner": &s.Provisioner, "controller-publish": &s.ControllerPublish,
		"node-stage": &s.NodeStage, "node-publish": &s.NodePublish,
		"controller-expand": &s.ControllerExpand, "node-expand": &s.NodeExpand,
	} {
		name, namespace := class.Parameters[csiPrefix+role+"-secret-name"], class.Parameters[csiPrefix+role+"-secret-namespace"]
		if name == "" && namespace == "" {
			continue
		}
		reference, err := resolveSecret(name, namespace, claim)
		if err != nil {
			return secrets{}, backup.Errorf(backup.Invalid, "storage class %s: the %s secret: %w", class.Name, role, err)
		}
		*into = reference
	}
	return s, nil
}

func resolveSecret(name, namespace string, claim *corev1.PersistentVolumeClaim) (*corev1.SecretReference, error) {
	resolvedName, err := expand(name, claim)
	if err != nil {
		return nil, err
	}
	resolvedNamespace, err := expand(namespace, claim)
	if err != nil {
		return nil, err
	}
	if len(validation.IsDNS1123Subdomain(resolvedName)) > 0 || len(validation.IsDNS1123Label(resolvedNamespace)) > 0 {
		return nil, fmt.Errorf("%q in namespace %q is not the name of a Secret", resolvedName, resolvedNamespace)
	}
	return &corev1.SecretReference{Namespace: resolvedNamespace, Name: resolvedName}, nil
}

var placeholderPattern = regexp.MustCompile(`\$\{[^}]*\}`)

// expand puts names in the place of a template's placeholders.
func expand(template string, claim *corev1.PersistentVolumeClaim) (string, error) {
	var unknown error
	expanded := placeholderPattern.ReplaceAllStringFunc(template, func(placeholder string) string {
		inner := placeholder[len("${") : len(placeholder)-len("}")]
		switch inner {
		case "pv.name":
			return claim.Spec.VolumeName
		case "pvc.name":
			return claim.Name
		case "pvc.namespace":
			return claim.Namespace
		}
		if key, ok := strings.CutPrefix(inner, "pvc.annotations['"); ok {
			if value, found := claim.Annotations[strings.TrimSuffix(key, "']")]; found {
				return value
			}
		}
		unknown = fmt.Errorf("%s in %q cannot be resolved for claim %s/%s", placeholder, template, claim.Namespace, claim.Name)
		return ""
	})
	return expanded, unknown
}
