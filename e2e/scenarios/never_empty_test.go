//go:build e2e

package scenarios_test

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/e2e/harness"
)

// trouble is a reason why it cannot be told whether backups exist.
type trouble struct {
	name  string
	cause string
	// bring makes the trouble and gives what ends it.
	bring func(s *scenario) (end func(context.Context) error)
	// says is what the claim's event must tell of the cause.
	says string
	// late is trouble that shows only once the claim waits.
	late bool
}

var troubles = []trouble{
	{name: "stopped", cause: "S3 is stopped", bring: stopIdleS3, says: "connection refused"},
	{name: "password", cause: "the password is wrong", bring: credentials(func(keys map[string]string) { keys["RESTIC_PASSWORD"] = "not it" }),
		says: "wrong password"},
	{name: "key", cause: "the S3 key is wrong", bring: credentials(func(keys map[string]string) { keys["AWS_SECRET_ACCESS_KEY"] = "not it" }),
		says: "AWS_SECRET_ACCESS_KEY was refused"},
	{name: "secret", cause: "the credentials Secret is missing", bring: deleteCredentials, says: "Secret soteria-system/soteria-restic with the repository's credentials does not exist"},
	{name: "half", cause: "the credentials Secret is half written", bring: credentials(func(keys map[string]string) { delete(keys, "AWS_SECRET_ACCESS_KEY") }),
		says: "Secret soteria-system/soteria-restic lacks a value for AWS_SECRET_ACCESS_KEY"},
	{name: "bucket", cause: "the bucket is missing", bring: moved("soteria", "away"), says: "the bucket is missing or mistyped"},
	{name: "emptied", cause: "the repository was emptied", bring: moved("soteria/"+repositoryName+"/snapshots", "snapshots"), says: "has held backups and is empty now"},
	{name: "swapped", cause: "the repository was swapped for another", bring: swapped(repositoryName), says: "but the configuration pins"},
	{name: "killed", cause: "restic is killed while it lists", bring: killListings, says: "signal: killed"},
	{name: "mistyped", cause: "the repository is mistyped", bring: mistype, says: "there is no repository there"},
}

func TestAClaimNeverStartsEmptyWhileABackupMayExist(t *testing.T) {
	const namespace = "e2e-never-empty"
	s := begin(t, 20*time.Minute, namespace, namespace+"-control")
	s.after(cluster.CloseStoreShell)
	claims := fleet{namespace: namespace, classes: map[string]string{}}
	for i, trouble := range troubles {
		claims.classes[trouble.name] = []string{"local", "local-wffc"}[i%2]
	}
	s.seedFleet(claims)
	s.destroy(namespace)

	apps, applied := map[string]harness.App{}, map[string]*corev1.PersistentVolumeClaim{}
	for _, trouble := range troubles {
		app := harness.App{Namespace: namespace, Name: trouble.name, Class: claims.classes[trouble.name], Size: "64Mi"}
		s.run(trouble.cause, func(s *scenario) {
			waitsFor(s, app, trouble)
			apps[trouble.cause], applied[trouble.cause] = app, s.claim(app)
		})
	}
	restored := map[string]func(*scenario){}
	for cause, app := range apps {
		restored[cause+": restored when that was over"] = func(s *scenario) { comesBack(s, app, applied[cause]) }
	}
	s.together(restored)
}

// waitsFor shows that the app waits as long as the trouble lasts.
func waitsFor(s *scenario, app harness.App, trouble trouble) {
	end := trouble.bring(s)
	s.after(end)
	require.NoError(s, cluster.AwaitUnknown(s.ctx, trouble.says))

	s.apply(app.Manifest())
	s.awaitEvent(app, trouble.says)
	// By the time that another claim, made later, has its volume, this one would
	// have it too.
	control := harness.App{Namespace: app.Namespace + "-control", Name: app.Name, Size: "64Mi", Labels: harness.Unprotected, ClaimOnly: true}
	s.apply(control.Workload())
	s.awaitBound(control)
	s.requireWaiting(app)
	require.NoError(s, end(s.ctx))
	// Else the next trouble would be noticed late: the more listings have failed
	// in a row, the longer Soteria rests.
	require.NoError(s, cluster.AwaitKnown(s.ctx))
}

// comesBack shows that the app has its data in the end, and that its claim is as
// it was when it was applied.
func comesBack(s *scenario, app harness.App, applied *corev1.PersistentVolumeClaim) {
	s.awaitRunning(app)
	require.Equal(s, storyOf(app.Name), s.story(app))
	restored := s.claim(app)
	require.Equal(s, applied.UID, restored.UID, "it is the same claim")
	require.Equal(s, touches(applied), touches(restored), "nobody touched the claim but Soteria and Kubernetes")
}

// touches gives who has written to an object and when, Soteria and Kubernetes
// left out.
func touches(object metav1.Object) map[string]time.Time {
	by := map[string]time.Time{}
	for _, entry := range object.GetManagedFields() {
		by[entry.Manager+" "+entry.Subresource] = entry.Time.Time
	}
	for _, ours := range []string{"soteria ", "kube-controller-manager ", "kube-controller-manager status"} {
		delete(by, ours)
	}
	return by
}

// stopIdleS3 stops the store while no listing is under way: one that were would
// hear nothing from a store that is gone until it gives up. It is for scenarios
// without Longhorn, of which nothing is known as fast as this asks.
func stopIdleS3(s *scenario) func(context.Context) error {
	require.NoError(s, cluster.AwaitKnown(s.ctx))
	return stopS3(s)
}

func stopS3(s *scenario) func(context.Context) error {
	require.NoError(s, cluster.StopStore(s.ctx, harness.S3))
	return func(ctx context.Context) error { return cluster.StartStore(ctx, harness.S3) }
}

// credentials changes the credentials Secret.
func credentials(change func(map[string]string)) func(*scenario) func(context.Context) error {
	return func(s *scenario) func(context.Context) error {
		right, err := cluster.StoreKeys(s.ctx)
		require.NoError(s, err)
		wrong := maps.Clone(right)
		change(wrong)
		require.NoError(s, cluster.SetCredentials(s.ctx, wrong))
		return func(ctx context.Context) error { return cluster.SetCredentials(ctx, right) }
	}
}

func deleteCredentials(s *scenario) func(context.Context) error {
	right, err := cluster.StoreKeys(s.ctx)
	require.NoError(s, err)
	require.NoError(s, cluster.DeleteCredentials(s.ctx))
	return func(ctx context.Context) error { return cluster.SetCredentials(ctx, right) }
}

// moved moves a folder of the S3 store out of the way.
func moved(folder, aside string) func(*scenario) func(context.Context) error {
	return func(s *scenario) func(context.Context) error {
		folder, aside := "/data/"+folder, "/data/.aside-"+aside
		move(s, folder, aside)
		return func(ctx context.Context) error { return moveBack(ctx, aside, folder) }
	}
}

// move puts a folder or file where a run that was broken off may have left another.
func move(s *scenario, from, to string) {
	s.Helper()
	_, err := cluster.StoreShell(s.ctx, "/bin/sh", "-c", `rm -rf "$2" && mv "$1" "$2"`, "sh", from, to)
	require.NoError(s, err)
}

// moveBack undoes a move, unless that is done already.
func moveBack(ctx context.Context, from, to string) error {
	_, err := cluster.StoreShell(ctx, "/bin/sh", "-c", `if [ -e "$1" ]; then rm -rf "$2" && mv "$1" "$2"; fi`, "sh", from, to)
	return err
}

// swapped puts another repository, a valid one with the same password, in the place
// of the one of this name.
func swapped(name string) func(*scenario) func(context.Context) error {
	return func(s *scenario) func(context.Context) error {
		other := name + "-other"
		require.NoError(s, cluster.MakeRepository(s.ctx, harness.S3Repository(other)))
		require.NoError(s, cluster.LightenKey(s.ctx, harness.S3Repository(other)))
		place, aside := "/data/soteria/"+name, "/data/.aside-repository"
		move(s, place, aside)
		move(s, "/data/soteria/"+other, place)
		return func(ctx context.Context) error { return moveBack(ctx, aside, place) }
	}
}

func mistype(s *scenario) func(context.Context) error {
	const variable = "SOTERIA_RESTIC_REPOSITORY"
	require.NoError(s, cluster.Configure(s.ctx, map[string]string{variable: repository + "-mistyped"}))
	return func(ctx context.Context) error {
		return cluster.Configure(ctx, map[string]string{variable: repository})
	}
}

// killListings kills every restic of Soteria's that lists snapshots, right away. Without
// a new snapshot none would run: the names in the store confirm the last listing.
func killListings(s *scenario) func(context.Context) error {
	ctx, stop := context.WithCancel(s.ctx)
	ended := make(chan struct{})
	var killed int
	var err error
	go func() {
		defer close(ended)
		killed, err = cluster.KillRestic(ctx, "snapshots")
	}()
	_, failed := cluster.ResticOn(s.ctx, map[string]string{"story": "new"}, "restic-new", repository,
		"backup", "--host", "elsewhere", "--tag", "namespace=e2e-elsewhere", "--tag", "pvc=new", ".")
	require.NoError(s, failed)
	return func(context.Context) error {
		stop()
		<-ended
		s.Logf("%d listings were killed", killed)
		return err
	}
}
