package longhorntest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// serveResources answers a list of custom resources, page by page.
func (l *Longhorn) serveResources(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("watch") == "true" {
		l.serveWatch(w, r)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, "LIST "+r.PathValue("resource"))
	query := r.URL.Query()
	key, value, selects := strings.Cut(query.Get("labelSelector"), "=")
	var all []map[string]any
	for _, object := range l.resources(r.PathValue("resource")) {
		labels, _ := object["metadata"].(map[string]any)["labels"].(map[string]string)
		if !selects || labels[key] == value {
			all = append(all, object)
		}
	}
	if all == nil && l.resources(r.PathValue("resource")) == nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_ = json.NewEncoder(w).Encode(map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404, "message": "the server could not find the requested resource"})
		return
	}
	slices.SortFunc(all, func(a, b map[string]any) int {
		return strings.Compare(a["metadata"].(map[string]any)["name"].(string), b["metadata"].(map[string]any)["name"].(string))
	})
	first, _ := strconv.Atoi(query.Get("continue"))
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil || limit <= 0 {
		limit = len(all)
	}
	end, next := min(first+limit, len(all)), ""
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	items := append([]map[string]any{}, all[min(first, end):end]...)
	write(w, map[string]any{
		"kind": "List", "apiVersion": "longhorn.io/v1beta2", "metadata": map[string]any{"resourceVersion": "1", "continue": next}, "items": items,
	})
}

// resources gives all objects of a resource, nil if there is no such resource.
func (l *Longhorn) resources(resource string) []map[string]any {
	all := []map[string]any{}
	switch resource {
	case "backuptargets":
		for _, t := range l.targets {
			all = append(all, l.targetResource(t))
		}
	case "backupvolumes":
		for _, bv := range l.bvs {
			all = append(all, l.volumeResource(bv))
		}
	case "backups":
		for _, b := range l.backups {
			all = append(all, l.backupResource(b))
		}
	default:
		return nil
	}
	return all
}

// stamp writes a time as the API server does: null or to the second.
func stamp(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.UTC().Format(time.RFC3339)
}

func metadata(name string, labels map[string]string, made time.Time, going bool) map[string]any {
	m := map[string]any{"name": name, "namespace": Namespace, "labels": labels, "creationTimestamp": stamp(made)}
	if going {
		m["deletionTimestamp"] = stamp(made.Add(time.Hour))
	}
	return m
}

func (l *Longhorn) targetResource(t *target) map[string]any {
	condition := map[string]any{"type": "Unavailable", "status": "False", "reason": "", "message": ""}
	if !t.available {
		condition["status"], condition["reason"], condition["message"] = "True", "Unavailable", t.why
	}
	return map[string]any{
		"metadata": metadata(t.name, nil, time.Time{}, false),
		"spec":     map[string]any{"backupTargetURL": t.url, "pollInterval": "5m0s", "syncRequestedAt": stamp(t.requested)},
		"status":   map[string]any{"available": t.available, "conditions": []any{condition}, "lastSyncedAt": stamp(t.sync)},
	}
}

func (l *Longhorn) volumeResource(bv *backupVolume) map[string]any {
	spec := map[string]any{"syncRequestedAt": stamp(bv.requested)}
	labels := map[string]string{}
	if bv.name != bv.volume {
		spec["backupTargetName"], spec["volumeName"] = bv.target, bv.volume
		labels["backup-target"], labels["backup-volume"] = bv.target, bv.volume
	}
	return map[string]any{
		"metadata": metadata(bv.name, labels, time.Time{}, bv.going), "spec": spec,
		"status": map[string]any{"labels": bv.labels, "lastSyncedAt": stamp(bv.sync), "size": "1073741824", "messages": nil},
	}
}

func (l *Longhorn) backupResource(b *backup) map[string]any {
	spec := map[string]any{"snapshotName": b.snapshot, "syncRequestedAt": nil, "labels": map[string]string{}}
	if b.snapshot != "" {
		spec["labels"] = b.Labels
	}
	return map[string]any{
		"metadata": metadata(b.Name, map[string]string{"backup-target": b.Target, "backup-volume": b.Volume}, b.made, b.going),
		"spec":     spec, "status": l.statusJSON(b),
	}
}

// statusJSON is what a backup tells: of one that was made elsewhere, nothing
// before it was read.
func (l *Longhorn) statusJSON(b *backup) map[string]any {
	status := map[string]any{
		"state": b.state, "progress": b.progress, "error": b.errText, "url": "", "labels": nil, "messages": map[string]string{}, "lastSyncedAt": nil,
		"snapshotCreatedAt": "", "backupCreatedAt": "", "volumeName": "", "volumeSize": "", "size": "", "backupTargetName": "", "snapshotName": "",
	}
	if b.snapshot != "" {
		status["snapshotCreatedAt"], status["volumeSize"] = b.SnapshotCreated.Format(time.RFC3339), fmt.Sprint(b.VolumeSize)
	}
	if b.state == "Completed" {
		status["url"] = b.url(l.targets[b.Target].url)
	}
	if b.read {
		status["lastSyncedAt"] = stamp(b.readAt)
	}
	if b.read && b.state == "Completed" {
		status["labels"], status["volumeName"], status["backupTargetName"] = b.Labels, b.Volume, b.Target
		status["snapshotCreatedAt"], status["backupCreatedAt"] = b.SnapshotCreated.UTC().Format(time.RFC3339), b.Created.UTC().Format(time.RFC3339)
		status["volumeSize"], status["size"], status["snapshotName"] = fmt.Sprint(b.VolumeSize), fmt.Sprint(b.Size), cmp.Or(b.Snapshot, b.snapshot)
	}
	return status
}
