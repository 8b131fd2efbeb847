package longhorn

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiwatch "k8s.io/apimachinery/pkg/watch"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
)

var (
	_ driver.Watcher = (*Driver)(nil)
	_ driver.Sharer  = (*Driver)(nil)
)

// Watch implements [driver.Watcher]. It notices each backup that begins, ends, is read
// from a backup target or goes, but not how far it has come, each backup volume that comes or goes, and each change
// of a backup target's URL and availability. That a target or a backup volume was
// synced is no change: what a sync found is. It costs three watches, and no memory but
// for the targets and for the backups that are being taken.
func (d *Driver) Watch(ctx context.Context, began, changed func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var streams []io.ReadCloser
	defer func() {
		for _, stream := range streams {
			_ = stream.Close() // it was only read
		}
	}()
	targets, err := d.records.targets(ctx)
	if err != nil {
		return err
	}
	judges := []struct {
		resource string
		judge    func(change) bool
	}{
		{"backuptargets", newTargetWatch(targets).changed}, {"backupvolumes", volumeChanged},
		{"backups", backupWatch{}.changed},
	}
	for _, j := range judges {
		stream, err := d.records.watch(ctx, j.resource)
		if err != nil {
			return err
		}
		streams = append(streams, stream)
	}
	began()
	var reading sync.WaitGroup
	for i, j := range judges {
		reading.Go(func() { cancel(follow(streams[i], j.resource, j.judge, changed)) })
	}
	<-ctx.Done()
	for _, stream := range streams {
		_ = stream.Close() // which ends the reading
	}
	reading.Wait()
	return context.Cause(ctx)
}

// change is an event of a watch.
type change struct {
	Type   apiwatch.EventType `json:"type"`
	Object json.RawMessage    `json:"object"`
}

// follow reads a watch until it ends, and reports what its judge calls a change.
func follow(stream io.Reader, resource string, judge func(change) bool, changed func()) error {
	decoder := json.NewDecoder(stream)
	for {
		var c change
		if err := decoder.Decode(&c); err != nil {
			return backup.Errorf(backup.Unavailable, "watching Longhorn's %s: %w", resource, err)
		}
		switch c.Type {
		case apiwatch.Bookmark:
		case apiwatch.Added, apiwatch.Modified, apiwatch.Deleted:
			if judge(c) {
				changed()
			}
		case apiwatch.Error:
			return backup.Errorf(backup.Unavailable, "watching Longhorn's %s: the API server ended it: %.200s", resource, c.Object)
		default:
			return backup.Errorf(backup.Unavailable, "watching Longhorn's %s: an event of type %.20q", resource, c.Type)
		}
	}
}

// volumeChanged reports whether a backup volume came or goes. What else changes in one
// is that it was synced; what that found are backups.
func volumeChanged(c change) bool {
	var v volumeRecord
	return c.Type != apiwatch.Modified || json.Unmarshal(c.Object, &v) != nil || v.isGoing()
}

// backupWatch remembers of each backup that was seen unfinished what matters of it. One
// that is taken changes every few seconds.
type backupWatch map[string]string

// standing is what matters of a backup, beside how far it has come.
func (b backupRecord) standing() string {
	b.Status.Progress, b.Status.Size = 0, ""
	text, err := json.Marshal(b)
	if err != nil {
		return "" // which is never what it was
	}
	return string(text)
}

// changed reports whether a backup is not as it was.
func (w backupWatch) changed(c change) bool {
	var b backupRecord
	if json.Unmarshal(c.Object, &b) != nil {
		return true
	}
	before, now := w[b.name()], b.standing()
	if delete(w, b.name()); c.Type == apiwatch.Modified && stateOf(b) == runningBackup {
		w[b.name()] = now
	}
	return c.Type != apiwatch.Modified || now == "" || before != now
}

// targetWatch remembers where each backup target is and whether it is available.
type targetWatch map[string]string

func newTargetWatch(targets []targetRecord) targetWatch {
	w := make(targetWatch, len(targets))
	for _, t := range targets {
		w[t.name()] = t.standing()
	}
	return w
}

// standing is what matters of a target, beside when it was synced.
func (t targetRecord) standing() string {
	return fmt.Sprint(t.Spec.URL, t.Status.Available, t.isGoing())
}

// changed reports whether a target is not as it was.
func (w targetWatch) changed(c change) bool {
	var t targetRecord
	if json.Unmarshal(c.Object, &t) != nil {
		return true
	}
	before, now := w[t.name()], t.standing()
	w[t.name()] = now
	return before != now || c.Type == apiwatch.Deleted
}

// watch opens a watch of all objects of a resource, from their state after the call.
func (r records) watch(ctx context.Context, resource string) (io.ReadCloser, error) {
	at := path.Join("/apis", groupVersion, "namespaces", r.namespace, resource)
	data, err := r.rest.Get().AbsPath(at).SetHeader("Accept", "application/json").
		VersionedParams(&metav1.ListOptions{Limit: 1}, metav1.ParameterCodec).Do(ctx).Raw()
	if err != nil {
		return nil, backup.Errorf(backup.Unavailable, "listing Longhorn's %s: %w", resource, err)
	}
	var page struct {
		Metadata metav1.ListMeta `json:"metadata"`
	}
	if err := json.Unmarshal(data, &page); err != nil || page.Metadata.ResourceVersion == "" {
		return nil, backup.Errorf(backup.Unavailable, "listing Longhorn's %s: the answer was not understood", resource)
	}
	options := metav1.ListOptions{Watch: true, ResourceVersion: page.Metadata.ResourceVersion}
	stream, err := r.rest.Get().AbsPath(at).SetHeader("Accept", "application/json").
		VersionedParams(&options, metav1.ParameterCodec).Stream(ctx)
	switch {
	case apierrors.IsForbidden(err):
		return nil, backup.Errorf(backup.Denied, "Soteria may not watch Longhorn's %s: apply its ClusterRole of this version (kubectl apply -k deploy): %w", resource, err)
	case err != nil:
		return nil, backup.Errorf(backup.Unavailable, "watching Longhorn's %s: %w", resource, err)
	}
	return stream, nil
}
