package longhorn

import (
	"context"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
)

// The values of the parameter volumeTopology.
const (
	topologyAny      = "any"
	topologyZonal    = "zonal"
	topologyRegional = "regional"
)

// strictLocal is the data locality of volumes that Longhorn itself keeps to one
// node.
const strictLocal = "strict-local"

// segments are labels of nodes, with their values, that a volume is kept to.
type segments map[string]string

// topologyOf returns where the class allows its volumes to be, as Longhorn's CSI
// plugin answers the external provisioner: the class's allowed topologies, of
// which the plugin keeps the labels that a setting of Longhorn's names. None is
// anywhere. Versions before 1.11 have no such setting and keep volumes nowhere.
//
// It costs a call of the API for classes with allowed topologies.
func (d *Driver) topologyOf(ctx context.Context, class *storagev1.StorageClass, s settings) ([]segments, error) {
	if len(class.AllowedTopologies) == 0 || s.DataLocality == strictLocal {
		return nil, nil
	}
	keys, err := d.api.Setting(ctx, api.AllowedTopologyKeys)
	if api.IsUnsupported(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return allowedSegments(class.AllowedTopologies, keys), nil
}

// allowedSegments keeps of the allowed topologies the labels that are among the
// keys, which commas separate. They are in a fixed order and none is there twice.
func allowedSegments(allowed []corev1.TopologySelectorTerm, keys string) []segments {
	var all []segments
	for _, term := range allowed {
		all = append(all, combinations(term.MatchLabelExpressions)...)
	}
	kept := make(map[string]segments)
	for _, s := range all {
		maps.DeleteFunc(s, func(key, _ string) bool {
			return !slices.ContainsFunc(strings.Split(keys, ","), func(k string) bool { return strings.TrimSpace(k) == key })
		})
		if len(s) > 0 {
			kept[s.String()] = s
		}
	}
	var found []segments
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		found = append(found, kept[name])
	}
	return found
}

// combinations returns each choice of one value per label.
func combinations(expressions []corev1.TopologySelectorLabelRequirement) []segments {
	all := []segments{{}}
	for _, e := range expressions {
		var longer []segments
		for _, s := range all {
			for _, value := range e.Values {
				next := maps.Clone(s)
				next[e.Key] = value
				longer = append(longer, next)
			}
		}
		all = longer
	}
	return all
}

// String writes the labels in the order of their keys.
func (s segments) String() string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(s)) {
		b.WriteString(key + "=" + s[key] + "\x00")
	}
	return b.String()
}

// affinity is the node affinity of a volume that is in one of these places; nil
// for a volume that is anywhere.
func affinity(places []segments) *corev1.VolumeNodeAffinity {
	if len(places) == 0 {
		return nil
	}
	required := &corev1.NodeSelector{}
	for _, place := range places {
		var term corev1.NodeSelectorTerm
		for _, key := range slices.Sorted(maps.Keys(place)) {
			term.MatchExpressions = append(term.MatchExpressions, corev1.NodeSelectorRequirement{
				Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{place[key]},
			})
		}
		required.NodeSelectorTerms = append(required.NodeSelectorTerms, term)
	}
	return &corev1.VolumeNodeAffinity{Required: required}
}

// narrowed returns the places of a volume whose data is confined to one of them.
func narrowed(volumeTopology string, places []segments) []segments {
	term, ok := confined(volumeTopology, places)
	if !ok {
		return places
	}
	place := segments{corev1.LabelTopologyZone: term.Zone, corev1.LabelTopologyRegion: term.Region}
	maps.DeleteFunc(place, func(_, value string) bool { return value == "" })
	return []segments{place}
}

// confined returns the one zone, or region, that all data of a volume has to be
// in; false where nothing says which it is. Longhorn's plugin takes that of the
// node that the scheduler chose, which there is not before the volume.
func confined(volumeTopology string, places []segments) (api.TopologyTerm, bool) {
	var terms []api.TopologyTerm
	for _, place := range places {
		term := api.TopologyTerm{Zone: place[corev1.LabelTopologyZone], Region: place[corev1.LabelTopologyRegion]}
		if volumeTopology == topologyRegional {
			term.Zone = ""
		}
		if !slices.Contains(terms, term) {
			terms = append(terms, term)
		}
	}
	if len(terms) != 1 {
		return api.TopologyTerm{}, false
	}
	term := terms[0]
	switch volumeTopology {
	case topologyZonal:
		return term, term.Zone != ""
	case topologyRegional:
		return term, term.Region != ""
	}
	return api.TopologyTerm{}, false
}
