package longhorntest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// handler serves the REST API and the custom resources.
func (l *Longhorn) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /apis/longhorn.io/v1beta2/namespaces/"+Namespace+"/{resource}", l.serveResources)
	mux.HandleFunc("/v1/", l.serveAPI)
	return mux
}

// failure is an answer that is an error.
type failure struct {
	status int
	// words are empty where the answer is.
	words string
}

func refuse(format string, args ...any) *failure { return &failure{500, fmt.Sprintf(format, args...)} }

func missing(format string, args ...any) *failure { return &failure{404, fmt.Sprintf(format, args...)} }

// noSuchCall is the answer to a call that this version does not have.
var noSuchCall = &failure{status: 404}

func write(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

func (f *failure) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(f.status)
	switch {
	case f == noSuchCall:
		_, _ = io.WriteString(w, "404 page not found\n")
	case f.words != "":
		_ = json.NewEncoder(w).Encode(map[string]any{"type": "error", "status": f.status, "code": http.StatusText(f.status), "message": f.words, "detail": ""})
	}
}

// serveAPI answers a call of the REST API.
func (l *Longhorn) serveAPI(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	call := r.Method + " " + strings.TrimPrefix(r.URL.RequestURI(), "/v1/")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, call)
	if l.faults.Answer != nil {
		if status, text := l.faults.Answer(call); status != 0 {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
			return
		}
	}
	answer, failed := l.answer(r, body)
	switch {
	case failed != nil:
		failed.write(w)
	case answer != nil:
		write(w, answer)
	}
}

// input is what the bodies of actions hold.
type input struct {
	Name       string            `json:"name"`
	Labels     map[string]string `json:"labels"`
	BackupMode string            `json:"backupMode"`
	Size       string            `json:"size"`

	BackupTargetName string `json:"backupTargetName"`
}

func (l *Longhorn) answer(r *http.Request, body []byte) (any, *failure) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	collection, name := parts[0], ""
	if len(parts) > 1 {
		name = parts[1]
	}
	action := r.URL.Query().Get("action")
	switch r.Method + " " + collection + " " + action {
	case "GET volumes ":
		return l.getVolumes(name)
	case "POST volumes ":
		return l.createVolume(body)
	case "DELETE volumes ":
		return nil, l.deleteVolume(name)
	case "GET backuptargets ":
		return l.getTargets(), nil
	case "GET settings ":
		return l.getSetting(name)
	}
	if r.Method != http.MethodPost || action == "" {
		return nil, noSuchCall
	}
	return l.answerAction(collection, name, action, body)
}

func (l *Longhorn) answerAction(collection, name, action string, body []byte) (any, *failure) {
	var in input
	if len(body) > 0 {
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, refuse("%v", err)
		}
	}
	switch collection + " " + action {
	case "backuptargets backupTargetSync":
		return l.requestSync(name)
	case "backupvolumes backupListByVolume":
		return l.listBackups(in.Name), nil
	case "backupvolumes backupGet":
		if b := l.backups[in.Name]; b != nil {
			return l.backupJSON(b), nil
		}
		return nil, missing("failed to get backup '%s' of volume '%s': backup.longhorn.io %q not found", in.Name, name, in.Name)
	case "backupvolumes backupDelete":
		return l.deleteBackup(name, in.Name)
	}
	if collection != "volumes" {
		return nil, noSuchCall
	}
	v := l.volumes[name]
	if v == nil {
		return nil, missing("failed to get volume: volume.longhorn.io %q not found", name)
	}
	return l.act(v, action, in)
}

// deleteBackup takes a backup's deletion in hand, which a controller does. One that
// is not there is no error, nor is a backup volume that is not.
func (l *Longhorn) deleteBackup(volume, name string) (any, *failure) {
	if name == "" {
		return nil, refuse("empty backup name is not allowed")
	}
	if b := l.backups[name]; b != nil && !l.faults.DeletionsLost {
		b.going, b.deleted = true, true
	}
	return map[string]any{"type": "backupVolume", "id": volume, "name": volume}, nil
}

func (l *Longhorn) act(v *volume, action string, in input) (any, *failure) {
	switch action {
	case "expand":
		return l.expand(v, in.Size)
	case "snapshotCRCreate":
		if l.snaps[in.Name] != nil {
			return nil, refuse("failed to create snapshot CR: snapshots.longhorn.io %q already exists", in.Name)
		}
		l.snaps[in.Name] = &snapshot{name: in.Name, volume: v.name, labels: in.Labels, made: l.now()}
		return l.snapshotJSON(l.snaps[in.Name]), nil
	case "snapshotCRGet":
		if s := l.snaps[in.Name]; s != nil {
			return l.snapshotJSON(s), nil
		}
		return nil, missing("failed to get snapshot CR: snapshot.longhorn.io %q not found", in.Name)
	case "snapshotCRList":
		all := []any{}
		for _, s := range l.snaps {
			if s.volume == v.name {
				all = append(all, l.snapshotJSON(s))
			}
		}
		return map[string]any{"type": "collection", "resourceType": "snapshotCR", "data": all}, nil
	case "snapshotCRDelete":
		delete(l.snaps, in.Name)
		return map[string]any{"type": "empty"}, nil
	case "snapshotBackup":
		return l.backUp(v, in)
	case "updateBackupTargetName":
		return l.retarget(v, in.BackupTargetName)
	}
	return nil, noSuchCall
}

func (l *Longhorn) backUp(v *volume, in input) (any, *failure) {
	for key, value := range in.Labels {
		if value == "" {
			return nil, refuse("failed to backup snapshot: value for label with key %s cannot be empty", key)
		}
		if key == "KubernetesStatus" {
			return nil, refuse("failed to backup snapshot: specified snapshot backup labels contain reserved keyword %s", key)
		}
	}
	const denied = `failed to backup snapshot: admission webhook "validator.longhorn.io" denied the request: `
	s := l.snaps[in.Name]
	switch {
	case s == nil:
		return nil, refuse(denied + "snapshot <nil> is invalid")
	case s.volume != v.name:
		return nil, refuse(denied+"snapshot volume name %s and label volume name %s does not match", s.volume, v.name)
	case !slices.Contains([]string{"", "incremental", "full"}, in.BackupMode):
		return nil, refuse(denied+"BackupMode %s is not a valid option", in.BackupMode)
	case !l.targets["default"].available:
		return nil, refuse(denied + "backup target default is not available")
	case l.faults.BackupRequestsLost > 0:
		l.faults.BackupRequestsLost--
		return nil, &failure{504, ""}
	}
	labels := map[string]string{"longhorn.io/volume-access-mode": v.access}
	for key, value := range in.Labels {
		labels[key] = value
	}
	if v.status != nil {
		status, _ := json.Marshal(v.status)
		labels["KubernetesStatus"] = string(status)
	}
	l.newBackup(s, labels)
	if l.faults.BackupRequestsUnanswered > 0 {
		l.faults.BackupRequestsUnanswered--
		return nil, &failure{504, ""}
	}
	return l.volumeJSON(v), nil
}

func (l *Longhorn) getVolumes(name string) (any, *failure) {
	if name != "" {
		v := l.volumes[name]
		if v == nil {
			return nil, missing("")
		}
		return l.volumeJSON(v), nil
	}
	all := []any{}
	for _, v := range l.volumes {
		all = append(all, l.volumeJSON(v))
	}
	return map[string]any{"type": "collection", "resourceType": "volume", "data": all}, nil
}

func (l *Longhorn) deleteVolume(name string) *failure {
	v := l.volumes[name]
	if v == nil {
		return missing("unable to delete volume: volume.longhorn.io %q not found", name)
	}
	if v.deleted.IsZero() {
		v.deleted = l.now()
	}
	return nil
}

// fromBackup takes from the backup what a restore takes from it. It gives the
// reason if it cannot.
func (l *Longhorn) fromBackup(v *volume) (why string) {
	u, err := url.Parse(v.fromBackup)
	if err != nil {
		return err.Error()
	}
	b := l.backups[u.Query().Get("backup")]
	if b == nil {
		return fmt.Sprintf("failed to get backup %s: backup.longhorn.io %q not found", u.Query().Get("backup"), u.Query().Get("backup"))
	}
	if !b.read {
		return "cannot get the backup target of the backup"
	}
	n := 0
	for _, bv := range l.bvs {
		if bv.volume == u.Query().Get("volume") && bv.target == b.Target {
			n++
		}
	}
	if n > 1 {
		return fmt.Sprintf("cannot get backup volume for backup target %s and volume %s: datastore: found more than one backup volume with backup target %s and volume %s", b.Target, b.Volume, b.Target, b.Volume)
	}
	if n == 0 {
		return fmt.Sprintf(`cannot get backup volume for backup target %s and volume %s: backupVolumes "" not found`, b.Target, u.Query().Get("volume"))
	}
	if why := l.imageOf(v, b); why != "" {
		return why
	}
	v.size, v.restoring, v.target = b.VolumeSize, true, b.Target
	if v.access == "" {
		v.access = b.Labels["longhorn.io/volume-access-mode"]
	}
	return ""
}

func (l *Longhorn) expand(v *volume, text string) (any, *failure) {
	size, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return nil, refuse("failed to parse size %s", text)
	case v.robustness == "faulted":
		return nil, refuse("unable to expand volume %s: cannot expand volume when it is in faulted state", v.name)
	case v.restoring && (v.required || v.state == ""):
		return nil, refuse(`unable to expand volume %s: admission webhook "validator.longhorn.io" denied the request: volume %s is not ready: cannot expand size: volume is restoring data from backup`, v.name, v.name)
	case v.state != "attached" && v.state != "detached":
		return nil, refuse("unable to expand volume %s: invalid volume state to expand: %s", v.name, v.state)
	}
	if why := l.badBlockSize(max(size, v.size), v.block); why != "" {
		return nil, refuse(`unable to expand volume %s: admission webhook "validator.longhorn.io" denied the request: %s`, v.name, why)
	}
	if size > v.size {
		v.size, v.expanding, v.expanded = size, true, l.now()
	}
	answer := l.volumeJSON(v)
	answer["controllers"], answer["replicas"] = []any{}, []any{}
	return answer, nil
}

func (l *Longhorn) volumeJSON(v *volume) map[string]any {
	status := v.status
	if status == nil {
		status = map[string]any{"pvName": "", "pvStatus": "", "namespace": "", "pvcName": "", "lastPVCRefAt": "", "lastPodRefAt": "", "workloadsStatus": nil}
	}
	restore := map[string]any{"type": "Restore", "status": "False", "reason": "", "message": ""}
	controllers, restores := []any{}, []any{}
	if v.engineSize > 0 {
		controllers = append(controllers, map[string]any{"name": v.name + "-e-0", "size": fmt.Sprint(v.engineSize), "isExpanding": v.expanding, "lastExpansionError": ""})
	}
	if v.restoring && v.required {
		restore["status"], restore["reason"] = "True", "RestoreInProgress"
	}
	if v.progress > 0 {
		restores = append(restores, map[string]any{"replica": "tcp://10.42.0.9:10000", "isRestoring": v.progress < 100, "progress": v.progress, "error": v.failed, "state": "in_progress"})
	}
	if v.failed != "" {
		restore["reason"], restore["message"] = "RestoreFailure", "All replica restore failed and the volume became Faulted"
	}
	answer := map[string]any{
		"type": "volume", "id": v.name, "name": v.name, "size": fmt.Sprint(v.size), "state": v.state, "robustness": v.robustness, "ready": v.ready,
		"restoreRequired": v.required, "restoreInitiated": v.initiated, "standby": false, "fromBackup": v.fromBackup, "accessMode": v.access,
		"encrypted": v.encrypted, "dataEngine": v.engine, "frontend": v.frontend, "numberOfReplicas": v.replicas, "backingImage": v.image,
		"conditions": map[string]any{"Restore": restore}, "kubernetesStatus": status, "controllers": controllers, "restoreStatus": restores,
		"backupStatus": []any{}, "links": map[string]any{"self": "http://10.42.0.9:9500/v1/volumes/" + v.name},
	}
	if l.minor >= withTargets {
		answer["backupTargetName"] = v.target
	}
	if l.minor >= withBlockSizes {
		answer["backupBlockSize"] = fmt.Sprint(v.block)
	}
	return answer
}

func (l *Longhorn) snapshotJSON(s *snapshot) map[string]any {
	created := ""
	if s.ready {
		created = s.made.Format(time.RFC3339)
	}
	return map[string]any{
		"type": "snapshotCR", "id": s.name, "name": s.name, "volume": s.volume, "labels": s.labels, "readyToUse": s.ready, "createSnapshot": true,
		"error": l.faults.SnapshotError, "creationTime": created, "markRemoved": false, "size": 0, "restoreSize": 1 << 30,
	}
}

func (l *Longhorn) getTargets() any {
	all := []any{}
	for _, t := range l.targets {
		all = append(all, l.targetJSON(t))
	}
	return map[string]any{"type": "collection", "resourceType": "backupTarget", "data": all}
}

func (l *Longhorn) targetJSON(t *target) map[string]any {
	return map[string]any{
		"type": "backupTarget", "id": t.name, "name": t.name, "backupTargetURL": t.url, "credentialSecret": "", "pollInterval": "5m0s",
		"available": t.available, "message": t.why,
	}
}

func (l *Longhorn) requestSync(name string) (any, *failure) {
	t := l.targets[name]
	switch {
	case l.faults.NoSyncAction:
		return nil, noSuchCall
	case t == nil:
		return nil, missing("failed to get backup target %s: backuptarget.longhorn.io %q not found", name, name)
	case l.clock.Now().Sub(t.requested) < syncLimit:
		return nil, refuse("failed to synchronize backup target %s: cannot synchronize backup target '%s' in 10 seconds", name, name)
	}
	t.requested = l.now()
	return l.targetJSON(t), nil
}

func (l *Longhorn) listBackups(volume string) any {
	all := []any{}
	for _, b := range l.backups {
		if b.Volume == volume {
			all = append(all, l.backupJSON(b))
		}
	}
	return map[string]any{"type": "collection", "resourceType": "backup", "data": all}
}

func (l *Longhorn) backupJSON(b *backup) map[string]any {
	s := l.statusJSON(b)
	answer := map[string]any{
		"type": "backup", "id": b.Name, "name": b.Name, "state": b.state, "progress": b.progress, "error": b.errText, "url": s["url"], "labels": s["labels"],
		"snapshotName": b.snapshot, "snapshotCreated": s["snapshotCreatedAt"], "created": s["backupCreatedAt"], "volumeName": b.Volume,
		"volumeSize": s["volumeSize"], "size": "4194304", "backupTargetName": b.Target,
		"volumeBackingImageName": b.BackingImage,
	}
	if l.minor >= withBlockSizes {
		answer["blockSize"] = fmt.Sprint(cmp.Or(b.BlockSize, smallBlock))
	}
	return answer
}
