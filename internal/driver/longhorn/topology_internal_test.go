package longhorn

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
)

func in(key string, values ...string) corev1.TopologySelectorLabelRequirement {
	return corev1.TopologySelectorLabelRequirement{Key: key, Values: values}
}

func allowed(expressions ...corev1.TopologySelectorLabelRequirement) corev1.TopologySelectorTerm {
	return corev1.TopologySelectorTerm{MatchLabelExpressions: expressions}
}

const (
	zone   = corev1.LabelTopologyZone
	region = corev1.LabelTopologyRegion
)

func TestAllowedTopologiesKeepTheLabelsThatLonghornAllows(t *testing.T) {
	terms := []corev1.TopologySelectorTerm{allowed(in(zone, "b", "a"), in(region, "west")), allowed(in(zone, "a"), in(corev1.LabelHostname, "node-1"))}
	assert.Empty(t, allowedSegments(terms, ""), "as Longhorn is by default")
	assert.Empty(t, allowedSegments(terms, "rack"))
	assert.Equal(t, []segments{{zone: "a"}, {zone: "b"}}, allowedSegments(terms, zone), "without doubles")
	assert.Equal(t, []segments{{zone: "a"}, {region: "west", zone: "a"}, {region: "west", zone: "b"}}, sorted(allowedSegments(terms, zone+" , "+region)))
	assert.Empty(t, allowedSegments([]corev1.TopologySelectorTerm{{}}, zone))
}

// sorted puts the shorter ones first, for reading.
func sorted(all []segments) []segments {
	var short, long []segments
	for _, s := range all {
		if len(s) == 1 {
			short = append(short, s)
		} else {
			long = append(long, s)
		}
	}
	return append(short, long...)
}

func TestAVolumeIsKeptToAnyOfItsPlaces(t *testing.T) {
	assert.Nil(t, affinity(nil))
	made := affinity([]segments{{zone: "a", region: "west"}, {zone: "b"}})
	require.Len(t, made.Required.NodeSelectorTerms, 2)
	assert.Equal(t, []corev1.NodeSelectorRequirement{
		{Key: region, Operator: corev1.NodeSelectorOpIn, Values: []string{"west"}}, {Key: zone, Operator: corev1.NodeSelectorOpIn, Values: []string{"a"}},
	}, made.Required.NodeSelectorTerms[0].MatchExpressions)
}

func TestDataIsConfinedOnlyToAPlaceThatIsKnown(t *testing.T) {
	for name, c := range map[string]struct {
		topology string
		places   []segments
		want     api.TopologyTerm
		ok       bool
	}{
		"one zone":                       {topologyZonal, []segments{{zone: "a"}}, api.TopologyTerm{Zone: "a"}, true},
		"one zone in its region":         {topologyZonal, []segments{{zone: "a", region: "west"}}, api.TopologyTerm{Zone: "a", Region: "west"}, true},
		"two nodes of one zone":          {topologyZonal, []segments{{zone: "a", "kubernetes.io/hostname": "1"}, {zone: "a", "kubernetes.io/hostname": "2"}}, api.TopologyTerm{Zone: "a"}, true},
		"two zones":                      {topologyZonal, []segments{{zone: "a"}, {zone: "b"}}, api.TopologyTerm{}, false},
		"two zones of one region":        {topologyRegional, []segments{{zone: "a", region: "west"}, {zone: "b", region: "west"}}, api.TopologyTerm{Region: "west"}, true},
		"a zone where a region is due":   {topologyRegional, []segments{{zone: "a"}}, api.TopologyTerm{}, false},
		"a region where a zone is due":   {topologyZonal, []segments{{region: "west"}}, api.TopologyTerm{Region: "west"}, false},
		"no place":                       {topologyZonal, nil, api.TopologyTerm{}, false},
		"one zone, and nothing is asked": {topologyAny, []segments{{zone: "a"}}, api.TopologyTerm{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			term, ok := confined(c.topology, c.places)
			assert.Equal(t, c.ok, ok)
			if ok {
				assert.Equal(t, c.want, term)
			}
		})
	}
}

func TestTheObjectOfAConfinedVolumeIsNarrowedToItsPlace(t *testing.T) {
	places := []segments{{zone: "a", region: "west", "kubernetes.io/hostname": "1"}, {zone: "a", region: "west", "kubernetes.io/hostname": "2"}}
	assert.Equal(t, []segments{{zone: "a", region: "west"}}, narrowed(topologyZonal, places))
	assert.Equal(t, []segments{{region: "west"}}, narrowed(topologyRegional, places))
	assert.Equal(t, places, narrowed("", places))
}
