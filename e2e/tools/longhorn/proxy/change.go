package proxy

import (
	"encoding/json"
	"regexp"
)

// numeric is a string that could have been a number.
var numeric = regexp.MustCompile(`^(0|[1-9][0-9]{0,17})$`)

// swapTypes makes strings of numbers, and numbers of strings that hold one.
func swapTypes(value any) any {
	switch value := value.(type) {
	case json.Number:
		return value.String()
	case string:
		if numeric.MatchString(value) {
			return json.Number(value)
		}
		return value
	case []any:
		for i := range value {
			value[i] = swapTypes(value[i])
		}
		return value
	case map[string]any:
		for key := range value {
			value[key] = swapTypes(value[key])
		}
		return value
	default:
		return value
	}
}

// newest is what the resources of the newest Longhorn have and those of 1.8 have not, by type. Their values are those of
// a volume or backup for which nobody set them, as seen in answers of longhorn-manager's master of August 2026.
var newest = map[string]map[string]any{
	"volume": {
		"backupBlockSize":                 "2097152",
		"cloneMode":                       "",
		"dataLayout":                      map[string]any{"mode": "", "type": ""},
		"notReadyMessage":                 "",
		"nvmeTcpNrIoQueues":               0,
		"offlineRebuilding":               "ignored",
		"rebuildConcurrentSyncLimit":      0,
		"replicaRebuildingBandwidthLimit": 0,
		"topologyRequirement":             nil,
		"ublkNumberOfQueue":               0,
		"ublkQueueDepth":                  0,
	},
	"backup": {"blockSize": "2097152"},
}

// addNewest adds them to each resource in an answer, unless it has them.
func addNewest(value any) any {
	switch value := value.(type) {
	case []any:
		for i := range value {
			value[i] = addNewest(value[i])
		}
		return value
	case map[string]any:
		for key := range value {
			value[key] = addNewest(value[key])
		}
		kind, _ := value["type"].(string)
		for key, field := range newest[kind] {
			if _, has := value[key]; !has {
				value[key] = field
			}
		}
		return value
	default:
		return value
	}
}
