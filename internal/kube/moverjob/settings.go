package moverjob

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
)

// Settings are what the operator settles for the pods of all movers. The zero
// value leaves each Job as its driver describes it.
type Settings struct {
	// Resources win, resource by resource, over those that a driver asks for.
	Resources corev1.ResourceRequirements
	// Deadline ends a Job that moves data, whatever it is doing; 0 leaves it to
	// the driver.
	Deadline time.Duration
	// MaxResources and MaxDeadline are the most that a claim's annotations may ask
	// for; a resource that is not listed may not be asked for.
	MaxResources corev1.ResourceList
	MaxDeadline  time.Duration
	// CacheSize bounds the folder with restic's cache; nil does not.
	CacheSize *resource.Quantity
	// Cache is where the cache is kept from one Job to the next.
	Cache Cache
	// Labels and Annotations are put on the pods. Those of Soteria win.
	Labels, Annotations map[string]string
	// PullSecrets name Secrets in the namespace of the pod.
	PullSecrets   []string
	PriorityClass string
	// Env are variables of the mover's container, such as HTTPS_PROXY. They are
	// no place for secrets: everyone who may see the pod can read them.
	Env map[string]string
}

// declined asks each of the usual injectors of sidecars to leave the pod alone: a
// sidecar does not end when the mover does, and the Job would never complete.
var (
	declinedLabels = map[string]string{
		"sidecar.istio.io/inject":   "false",
		"kuma.io/sidecar-injection": "disabled",
	}
	declinedAnnotations = map[string]string{
		"sidecar.istio.io/inject":                "false",
		"linkerd.io/inject":                      "disabled",
		"kuma.io/sidecar-injection":              "disabled",
		"consul.hashicorp.com/connect-inject":    "false",
		"vault.hashicorp.com/agent-inject":       "false",
		"appmesh.k8s.aws/sidecarInjectorWebhook": "disabled",
		"openservicemesh.io/sidecar-injection":   "disabled",
		"dapr.io/enabled":                        "false",
		"sidecar.opentelemetry.io/inject":        "false",
		"admission.datadoghq.com/enabled":        "false",
	}
)

// The bounds below which a claim's annotation is a mistake: no mover lives with
// less.
const (
	minClaimMemory   = 32 << 20
	minClaimDeadline = time.Minute
)

// ForClaim returns the settings for the movers of one claim, which its annotations
// may change within the operator's bounds. An annotation that cannot be
// understood, or asks for more, is an error of kind Invalid that names it; the
// settings returned with it are the operator's.
func (s Settings) ForClaim(annotations map[string]string) (Settings, error) {
	changed := s
	if text, set := annotations[v1alpha1.JobResourcesAnnotation]; set {
		resources, err := s.claimResources(text)
		if err != nil {
			return s, invalid(v1alpha1.JobResourcesAnnotation, text, err)
		}
		changed.Resources = over(s.Resources, resources)
	}
	if text, set := annotations[v1alpha1.JobDeadlineAnnotation]; set {
		deadline, err := time.ParseDuration(text)
		switch {
		case err != nil:
			return s, invalid(v1alpha1.JobDeadlineAnnotation, text, fmt.Errorf("it must be a duration such as 36h"))
		case deadline < minClaimDeadline || deadline > s.MaxDeadline:
			return s, invalid(v1alpha1.JobDeadlineAnnotation, text, fmt.Errorf("it must be from %s to %s (SOTERIA_JOB_MAX_DEADLINE)", minClaimDeadline, s.MaxDeadline))
		}
		changed.Deadline = deadline
	}
	return changed, nil
}

func invalid(annotation, value string, err error) error {
	return &backup.Error{Kind: backup.Invalid, Field: "pvc", Message: fmt.Sprintf("annotation %s is %q: %s", annotation, value, err), Err: err}
}

// claimResources reads "requests.cpu=1,limits.memory=4Gi".
func (s Settings) claimResources(text string) (corev1.ResourceRequirements, error) {
	asked := corev1.ResourceRequirements{Requests: corev1.ResourceList{}, Limits: corev1.ResourceList{}}
	for entry := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(entry), "=")
		which, name, _ := strings.Cut(name, ".")
		into, known := map[string]corev1.ResourceList{"requests": asked.Requests, "limits": asked.Limits}[which]
		most, bounded := s.MaxResources[corev1.ResourceName(name)]
		quantity, err := resource.ParseQuantity(value)
		switch {
		case !known:
			return asked, fmt.Errorf("%q must begin with requests. or limits., as in limits.memory=4Gi", entry)
		case !bounded:
			return asked, fmt.Errorf("%q is none of %s", name, strings.Join(resourceNames(s.MaxResources), ", "))
		case err != nil || quantity.Sign() <= 0:
			return asked, fmt.Errorf("%q is not an amount such as 500m or 2Gi", value)
		case quantity.Cmp(most) > 0:
			return asked, fmt.Errorf("%s=%s is more than %s (SOTERIA_JOB_MAX_RESOURCES)", name, value, most.String())
		case name == string(corev1.ResourceMemory) && which == "limits" && quantity.Value() < minClaimMemory:
			return asked, fmt.Errorf("limits.memory=%s is less than any mover lives with", value)
		}
		into[corev1.ResourceName(name)] = quantity
	}
	return asked, nil
}

func resourceNames(of corev1.ResourceList) []string {
	names := make([]string, 0, len(of))
	for name := range of {
		names = append(names, string(name))
	}
	slices.Sort(names)
	return names
}

// ParseResources reads "cpu=1,memory=2Gi"; an empty text is no resources.
func ParseResources(text string) (corev1.ResourceList, error) {
	known := []string{string(corev1.ResourceCPU), string(corev1.ResourceEphemeralStorage), string(corev1.ResourceMemory)}
	var resources corev1.ResourceList
	for entry := range strings.SplitSeq(text, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		name, value, _ := strings.Cut(entry, "=")
		quantity, err := resource.ParseQuantity(value)
		if !slices.Contains(known, name) || err != nil || quantity.Sign() <= 0 {
			return nil, backup.Errorf(backup.Invalid, "%q is not of the form name=amount, such as memory=2Gi; names are %s", entry, strings.Join(known, ", "))
		}
		if resources == nil {
			resources = corev1.ResourceList{}
		}
		resources[corev1.ResourceName(name)] = quantity
	}
	return resources, nil
}

// over returns resources with some of them replaced. No request stays above its
// limit, which the API server refuses: one that was not replaced is lowered.
func over(base, more corev1.ResourceRequirements) corev1.ResourceRequirements {
	joined := corev1.ResourceRequirements{
		Requests: overList(base.Requests, more.Requests), Limits: overList(base.Limits, more.Limits),
	}
	for name, request := range joined.Requests {
		limit, limited := joined.Limits[name]
		if !limited || request.Cmp(limit) <= 0 {
			continue
		}
		if _, replaced := more.Limits[name]; replaced {
			joined.Requests[name] = limit
		} else {
			joined.Limits[name] = request
		}
	}
	return joined
}

func overList(base, more corev1.ResourceList) corev1.ResourceList {
	if len(base)+len(more) == 0 {
		return nil
	}
	joined := make(corev1.ResourceList, len(base)+len(more))
	maps.Copy(joined, base)
	maps.Copy(joined, more)
	return joined
}

// podLabels and podAnnotations return what is put on a pod beside what identifies
// it.
func (s Settings) podLabels(own map[string]string) map[string]string {
	return joined(declinedLabels, s.Labels, own)
}

func (s Settings) podAnnotations(own map[string]string) map[string]string {
	return joined(declinedAnnotations, s.Annotations, own)
}

func joined(parts ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, part := range parts {
		maps.Copy(all, part)
	}
	return all
}

// env returns the variables in a fixed order.
func (s Settings) env(more ...corev1.EnvVar) []corev1.EnvVar {
	all := slices.Clone(more)
	for name, value := range s.Env {
		all = append(all, corev1.EnvVar{Name: name, Value: value})
	}
	slices.SortFunc(all, func(a, b corev1.EnvVar) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

func (s Settings) pullSecrets() []corev1.LocalObjectReference {
	var all []corev1.LocalObjectReference
	for _, name := range s.PullSecrets {
		all = append(all, corev1.LocalObjectReference{Name: name})
	}
	return all
}
