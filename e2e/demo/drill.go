package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
)

//go:embed apps/photos.yaml
var photosManifest string

//go:embed apps/notes.yaml
var notesManifest string

var (
	photos = harness.App{Namespace: "demo-photos", Name: "photos"}
	notes  = harness.App{Namespace: "demo-notes", Name: "notes"}
	apps   = []harness.App{photos, notes}
	// manifests are the apps' Git repository.
	manifests = map[string]string{photos.Name: photosManifest, notes.Name: notesManifest}
)

// drill holds what the steps share.
type drill struct {
	*report
	cluster *harness.Cluster
	// before holds each app's checksums from before the loss.
	before map[string]string
}

func run(ctx context.Context) error {
	d := &drill{report: &report{out: os.Stdout, began: time.Now()}, before: map[string]string{}}
	steps := []struct {
		title string
		do    func(context.Context) (string, error)
	}{
		{"Boot a real Kubernetes", d.boot},
		{"Build and install Soteria", d.install},
		{"Make the restic repository, pin it, and look at Longhorn's backups too", d.repository},
		{"Two apps write their files, photos on Longhorn, notes not", d.write},
		{"Back both up: photos with Longhorn, notes with restic", d.backUp},
		{"Lose both: namespaces, claims, volumes, folders", d.lose},
		{"Apply photos again, unchanged", d.reapplyPhotos},
		{"Stop S3, then apply notes", d.applyNotesWithoutStore},
		{"Start S3: nobody touches the claim", d.startStore},
	}
	for _, s := range steps {
		if err := d.step(ctx, s.title, s.do); err != nil {
			return err
		}
	}
	d.summary()
	d.lookAround()
	return nil
}

func (d *drill) boot(ctx context.Context) (string, error) {
	_, file, _, _ := runtime.Caller(0)
	command := exec.CommandContext(ctx, "go", "run", "-C", filepath.Join(filepath.Dir(file), "..", "cluster"), ".", "up")
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("starting the cluster: %w", err)
	}
	var err error
	if d.cluster, err = harness.Connect(ctx); err != nil {
		return "", err
	}
	version, err := d.cluster.Kubernetes.Discovery().ServerVersion()
	if err != nil {
		return "", fmt.Errorf("asking the cluster for its version: %w", err)
	}
	return "Kubernetes " + version.GitVersion + " is up", nil
}

func (d *drill) install(ctx context.Context) (string, error) {
	// A demo that was broken off may have left the store stopped.
	if err := d.cluster.StartStore(ctx, harness.S3); err != nil {
		return "", err
	}
	if err := d.cluster.BuildImage(ctx, ""); err != nil {
		return "", err
	}
	if err := d.cluster.Install(ctx); err != nil {
		return "", err
	}
	return "2 replicas serve", nil
}

func (d *drill) repository(ctx context.Context) (string, error) {
	id, err := d.cluster.UseRepository(ctx, harness.S3Repository("cluster"))
	if err != nil {
		return "", err
	}
	// Longhorn's backup target is new and empty.
	settings := map[string]string{"SOTERIA_LONGHORN_URL": longhorn.DefaultURL, "SOTERIA_EXPECT_BACKUPS": "longhorn=false"}
	if err := d.cluster.Configure(ctx, settings); err != nil {
		return "", err
	}
	return "repository " + id[:12] + " is pinned", nil
}

func (d *drill) write(ctx context.Context) (string, error) {
	if err := d.cluster.DestroyNamespaces(ctx, photos.Namespace, notes.Namespace); err != nil {
		return "", err
	}
	for _, app := range apps {
		if err := d.cluster.Apply(ctx, manifests[app.Name]); err != nil {
			return "", err
		}
	}
	files := 0
	for _, app := range apps {
		if err := d.cluster.AwaitRunning(ctx, app); err != nil {
			return "", err
		}
		const script = `i=0; while [ $i -lt 20 ]; do head -c 262144 /dev/urandom > "/data/$1-$i.bin"; i=$((i+1)); done; date > /data/written; sync`
		if _, err := d.cluster.InApp(ctx, app, "/bin/sh", "-c", script, "write", app.Name); err != nil {
			return "", err
		}
		sums, err := d.checksums(ctx, app)
		if err != nil {
			return "", err
		}
		d.before[app.Name] = sums
		files += strings.Count(sums, "\n")
	}
	return fmt.Sprintf("%d files written", files), nil
}

func (d *drill) backUp(ctx context.Context) (string, error) {
	id, err := d.cluster.BackUpWithLonghorn(ctx, photos.Namespace, photos.Name)
	if err != nil {
		return "", err
	}
	d.show(fmt.Sprintf("%s: Longhorn's %s is complete", photos.Key(), id))
	job, err := d.cluster.BackUp(ctx, notes.Namespace, notes.Name)
	if err != nil {
		return "", err
	}
	d.show(fmt.Sprintf("%s: job %s is complete", notes.Key(), job))
	return "2 backups taken", nil
}

func (d *drill) lose(ctx context.Context) (string, error) {
	if err := d.cluster.DestroyNamespaces(ctx, photos.Namespace, notes.Namespace); err != nil {
		return "", err
	}
	return "nothing is left of them", nil
}

func (d *drill) reapplyPhotos(ctx context.Context) (string, error) {
	if err := d.cluster.Apply(ctx, manifests[photos.Name]); err != nil {
		return "", err
	}
	return d.isBack(ctx, photos)
}

func (d *drill) applyNotesWithoutStore(ctx context.Context) (string, error) {
	if err := d.cluster.StopStore(ctx, harness.S3); err != nil {
		return "", err
	}
	if err := d.cluster.Apply(ctx, manifests[notes.Name]); err != nil {
		return "", err
	}
	message, err := d.cluster.AwaitEvent(ctx, notes, "connection refused")
	if err != nil {
		return "", err
	}
	claim, err := d.cluster.Claim(ctx, notes)
	if err != nil {
		return "", err
	}
	d.show("its event says: " + message)
	return fmt.Sprintf("claim %s is %s, not empty", notes.Key(), claim.Status.Phase), nil
}

func (d *drill) startStore(ctx context.Context) (string, error) {
	if err := d.cluster.StartStore(ctx, harness.S3); err != nil {
		return "", err
	}
	return d.isBack(ctx, notes)
}

// isBack waits until the app runs and compares its files with those it had.
func (d *drill) isBack(ctx context.Context, app harness.App) (string, error) {
	if err := d.cluster.AwaitRunning(ctx, app); err != nil {
		return "", err
	}
	after, err := d.checksums(ctx, app)
	if err != nil {
		return "", err
	}
	if after != d.before[app.Name] {
		return "", fmt.Errorf("files of %s differ:\nbefore:\n%s\nafter:\n%s", app.Key(), d.before[app.Name], after)
	}
	lines := strings.SplitAfter(after, "\n")
	for _, l := range lines[:min(3, len(lines))] {
		d.show(strings.TrimSpace(l))
	}
	return fmt.Sprintf("%s is back, all %d checksums equal", app.Name, strings.Count(after, "\n")), nil
}

func (d *drill) checksums(ctx context.Context, app harness.App) (string, error) {
	return d.cluster.InApp(ctx, app, "/bin/sh", "-c", "cd /data && find . -type f | sort | xargs sha256sum")
}

func (d *drill) lookAround() {
	d.show("")
	d.show("The cluster stays up. Look around:")
	for _, command := range []string{
		"export KUBECONFIG=$PWD/.cluster/kubeconfig",
		"kubectl get restores -A",
		"kubectl describe pvc -n demo-notes notes",
		"kubectl events -n demo-notes --for pvc/notes",
		"kubectl logs -n soteria-system deploy/soteria",
		"kubectl port-forward -n soteria-system svc/soteria 8080:8080   # the console is at http://localhost:8080",
		"kubectl get --raw /api/v1/namespaces/soteria-system/services/soteria:http/proxy/exists/demo-notes/notes",
	} {
		d.show("  " + command)
	}
	d.show("and when you are done: make demo-down")
}
