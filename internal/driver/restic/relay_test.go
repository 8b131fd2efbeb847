package restic_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/restic"
	"github.com/soteria-dr/soteria/internal/driver/restic/memory"
	"github.com/soteria-dr/soteria/internal/expectation"
)

// replicas are drivers of one cluster on one repository, each with a disk of its own.
type replicas struct {
	onS3
	cluster client.WithWatch
	now     *testclock.FakePassiveClock
	// writes counts what was written to the cluster.
	writes *atomic.Int64
	// requests counts those that drivers sent to the store themselves.
	requests *atomic.Int64
}

func newReplicas(t *testing.T) *replicas {
	t.Helper()
	r := &replicas{onS3: onS3WithoutDriver(t), now: testclock.NewFakePassiveClock(time.Now()), writes: new(atomic.Int64), requests: new(atomic.Int64)}
	r.cluster = interceptor.NewClient(clusterWith(t, secretWith(fullSecret())), interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			r.writes.Add(1)
			return c.Create(ctx, o, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			r.writes.Add(1)
			return c.Update(ctx, o, opts...)
		},
	})
	return r
}

// roundTripper is a function as an [http.RoundTripper].
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// start starts a replica, with an empty disk.
func (r *replicas) start(t *testing.T, settings ...func(*restic.Config)) *restic.Driver {
	t.Helper()
	c := restic.Config{
		Repository: r.Address, SecretName: "soteria-restic", SecretNamespace: system, Namespace: system,
		Program: wrapped(t, r.Restic, `echo "$*" >>`+r.runs+`; exec "$RESTIC" "$@"`), CacheDir: t.TempDir(),
	}
	for _, set := range settings {
		set(&c)
	}
	d, err := restic.New(c, restic.Cluster{
		Client: r.cluster, Reader: r.cluster, Clock: r.now,
		Observe: func(_ string, next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(q *http.Request) (*http.Response, error) {
				r.requests.Add(1)
				return next.RoundTrip(q)
			})
		},
	})
	require.NoError(t, err)
	r.driver = d
	return d
}

// handOver has a replica list and hand over.
func (r *replicas) handOver(t *testing.T, d *restic.Driver) *restic.Relay {
	t.Helper()
	r.driver = d
	_, _, _ = r.list(t)
	relay := &restic.Relay{Driver: d, Every: restic.HandOverEvery, Log: slog.New(slog.DiscardHandler)}
	require.NoError(t, relay.HandOver(t.Context()))
	return relay
}

// part returns the ConfigMap with a part of what was handed over.
func (r *replicas) part(t *testing.T, number int) *corev1.ConfigMap {
	t.Helper()
	stored := &corev1.ConfigMap{}
	require.NoError(t, r.cluster.Get(t.Context(), client.ObjectKey{Namespace: system, Name: fmt.Sprintf("soteria-restic-reading-%02d", number)}, stored))
	return stored
}

// edit changes the text of every part of what was handed over.
func (r *replicas) edit(t *testing.T, change func(string) string) {
	t.Helper()
	for number := range 16 {
		stored := r.part(t, number)
		for key, packed := range stored.BinaryData {
			reader, err := gzip.NewReader(bytes.NewReader(packed))
			require.NoError(t, err)
			text, err := io.ReadAll(reader)
			require.NoError(t, err)
			var changed bytes.Buffer
			writer := gzip.NewWriter(&changed)
			_, err = io.WriteString(writer, change(string(text)))
			require.NoError(t, err)
			require.NoError(t, writer.Close())
			stored.BinaryData[key] = changed.Bytes()
		}
		require.NoError(t, r.cluster.Update(t.Context(), stored))
	}
}

func whole(runs []string) bool {
	return slices.ContainsFunc(runs, func(run string) bool { return strings.HasPrefix(run, "snapshots --json --no-lock -o") })
}

func TestANewReplicaStartsFromWhatAnotherRead(t *testing.T) {
	r := newReplicas(t)
	first := add(t, r.Repository, claim, then)
	old := r.start(t)
	r.handOver(t, old)
	assert.EqualValues(t, 16, r.writes.Load())
	_, mark, _ := r.list(t)

	r.start(t)
	before := r.requests.Load()
	ids, same, runs := r.list(t)
	assert.Equal(t, []string{first}, ids)
	assert.Equal(t, mark, same)
	assert.Empty(t, runs, "no restic runs")
	assert.LessOrEqual(t, r.requests.Load()-before, int64(3), "a look, and the first question for the region")
	assert.True(t, r.confirm(t, mark))

	second := add(t, r.Repository, claim, then.Add(time.Hour))
	ids, mark, runs = r.list(t)
	assert.ElementsMatch(t, []string{first, second}, ids)
	require.Len(t, runs, 1)
	assert.Contains(t, runs[0], second)
	assert.NotContains(t, runs[0], first, "what was handed over is not read again")
	assert.True(t, r.confirm(t, mark))

	// It is read whole by the new replica soon.
	require.NoError(t, os.WriteFile(r.runs, nil, 0o600))
	require.NoError(t, r.driver.Reread(t.Context()))
	runs = r.ran(t)
	assert.True(t, whole(runs))
	assert.Len(t, runs, 3, "the identity is read before and after: %v", runs)
	require.NoError(t, r.driver.Reread(t.Context()))
	assert.Len(t, r.ran(t), 3, "once")
	assert.True(t, r.confirm(t, mark), "it is as it was")
}

// TestANewReplicaReadsOfTheCopiesNoMoreThanTheyHold has the copy of what is remembered be
// read beside the first listing, as the catalog does.
func TestANewReplicaReadsOfTheCopiesNoMoreThanTheyHold(t *testing.T) {
	r := newReplicas(t)
	add(t, r.Repository, claim, then)
	local := r.Repository
	local.Address = r.Folder
	_, err := memory.Write(t.Context(), program(t, local), memory.Owner{Instance: "i"}, remembered(3), time.Now())
	require.NoError(t, err)
	r.handOver(t, r.start(t))

	d := r.start(t)
	require.NoError(t, os.WriteFile(r.runs, nil, 0o600))
	listed := make(chan error)
	go func() {
		_, err := d.List(t.Context(), &drivertest.Listing{})
		listed <- err
	}()
	copies, err := d.Read(t.Context(), "restic")
	require.NoError(t, err)
	require.NoError(t, <-listed)
	assert.Equal(t, expectation.Copies{"": remembered(3)}, copies)
	runs := r.ran(t)
	require.Len(t, runs, 1, "%v", runs)
	assert.Regexp(t, "^dump .* -o s3.connections=64$", runs[0])
}

func TestWhatIsNewOrGoneSinceTheHandOverIsSeen(t *testing.T) {
	r := newReplicas(t)
	first, second := add(t, r.Repository, claim, then), add(t, r.Repository, claim, then.Add(time.Hour))
	r.handOver(t, r.start(t))
	third := add(t, r.Repository, claim, then.Add(2*time.Hour))
	r.start(t)
	ids, _, runs := r.list(t)
	assert.ElementsMatch(t, []string{first, second, third}, ids)
	require.Len(t, runs, 1)
	assert.Contains(t, runs[0], third)

	r.Run(t, "forget", second)
	r.start(t)
	ids, mark, runs := r.list(t)
	assert.ElementsMatch(t, []string{first, third}, ids)
	require.Len(t, runs, 2, "%v", runs)
	assert.Contains(t, runs[0], "list snapshots", "restic looks, too, before a backup counts as gone")
	assert.Contains(t, runs[1], third)
	assert.True(t, r.confirm(t, mark))
}

// TestASnapshotThatOnlyTheStoreMissesIsNotGone has the store's own list leave a snapshot out.
func TestASnapshotThatOnlyTheStoreMissesIsNotGone(t *testing.T) {
	r := newReplicas(t)
	kept, hidden := add(t, r.Repository, claim, then), add(t, r.Repository, claim, then.Add(time.Hour))
	r.handOver(t, r.start(t))
	file, aside := filepath.Join(r.Folder, "snapshots", hidden), filepath.Join(t.TempDir(), "aside")
	require.NoError(t, os.Rename(file, aside))
	back := `[ -e ` + aside + ` ] && mv ` + aside + " " + file + `; echo "$*" >>` + r.runs + `; exec "$RESTIC" "$@"`
	r.start(t, func(c *restic.Config) { c.Program = wrapped(t, r.Restic, back) })
	ids, _, runs := r.list(t)
	assert.ElementsMatch(t, []string{kept, hidden}, ids)
	assert.True(t, whole(runs), "%v", runs)
}

// TestASnapshotThatComesBackWasNotGone has the store leave a snapshot out until restic has
// listed without it, too.
func TestASnapshotThatComesBackWasNotGone(t *testing.T) {
	r := newReplicas(t)
	aside := filepath.Join(t.TempDir(), "aside")
	shy := func(c *restic.Config) {
		c.Program = wrapped(t, r.Restic, `echo "$*" >>`+r.runs+`; "$RESTIC" "$@"; code=$?
[ -e `+aside+` ] && mv `+aside+` "$(cat `+aside+`.name)"; exit $code`)
	}
	kept, hidden := add(t, r.Repository, claim, then), add(t, r.Repository, claim, then.Add(time.Hour))
	file := filepath.Join(r.Folder, "snapshots", hidden)
	require.NoError(t, os.WriteFile(aside+".name", []byte(file), 0o600))
	d := r.start(t, shy)
	r.handOver(t, d)

	// What was read before is known to have been there.
	require.NoError(t, os.Rename(file, aside))
	_, err := d.List(t.Context(), &drivertest.Listing{})
	assert.Equal(t, backup.Unavailable, backup.KindOf(err), "%v", err)
	require.ErrorContains(t, err, "in part at times")
	ids, _, _ := r.list(t)
	assert.ElementsMatch(t, []string{kept, hidden}, ids)

	// So is what was handed over.
	r.start(t, shy)
	require.NoError(t, os.Rename(file, aside))
	ids, _, runs := r.list(t)
	assert.ElementsMatch(t, []string{kept, hidden}, ids)
	assert.True(t, whole(runs), "%v", runs)
}

func TestWhatCannotBeGoneByIsNotTakenOver(t *testing.T) {
	replace := func(old, now string) func(*testing.T, *replicas) {
		return func(t *testing.T, r *replicas) {
			t.Helper()
			r.edit(t, func(text string) string { return strings.ReplaceAll(text, old, now) })
		}
	}
	for name, spoil := range map[string]func(*testing.T, *replicas){
		"it was read long ago": func(_ *testing.T, r *replicas) { r.now.SetTime(r.now.Now().Add(31 * time.Minute)) },
		"it is dated ahead":    func(_ *testing.T, r *replicas) { r.now.SetTime(r.now.Now().Add(-time.Minute)) },
		"the Secret was changed": func(t *testing.T, r *replicas) {
			secret := &corev1.Secret{}
			require.NoError(t, r.cluster.Get(t.Context(), client.ObjectKey{Namespace: system, Name: "soteria-restic"}, secret))
			secret.Labels = map[string]string{"changed": "true"}
			require.NoError(t, r.cluster.Update(t.Context(), secret))
		},
		"it is of another address":     replace(`"location":"s3:`, `"location":"s3:other`),
		"it is of another config":      replace(`"config":"`, `"config":"0`),
		"it is of another format":      replace(`"format":1`, `"format":2`),
		"its identity is none":         replace(`"identity":"`, `"identity":"x`),
		"it holds more than snapshots": replace(`]`, `] []`),
		"it is of no snapshot":         replace(`"id":"`, `"id":"x`),
		"parts are of different readings": func(t *testing.T, r *replicas) {
			one := 0
			r.edit(t, func(text string) string {
				if one++; one > 1 {
					return text
				}
				return strings.Replace(text, `"identity":"`, `"identity":"0`, 1)
			})
		},
		"a part is missing": func(t *testing.T, r *replicas) { require.NoError(t, r.cluster.Delete(t.Context(), r.part(t, 7))) },
		"a part is cut short": func(t *testing.T, r *replicas) {
			stored := r.part(t, 9)
			for key, packed := range stored.BinaryData {
				stored.BinaryData[key] = packed[:len(packed)-1]
			}
			require.NoError(t, r.cluster.Update(t.Context(), stored))
		},
		"a part is in the place of another": func(t *testing.T, r *replicas) {
			for number := range 16 {
				stored := r.part(t, number)
				stored.BinaryData = r.part(t, 15-number).BinaryData
				require.NoError(t, r.cluster.Update(t.Context(), stored))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReplicas(t)
			first := add(t, r.Repository, claim, then)
			r.handOver(t, r.start(t))
			spoil(t, r)
			r.start(t)
			ids, mark, runs := r.list(t)
			assert.Equal(t, []string{first}, ids)
			assert.True(t, whole(runs), "%v", runs)
			assert.True(t, r.confirm(t, mark))
		})
	}
}

func TestAnotherRepositoryInThePlaceOfTheOneHandedOverIsRead(t *testing.T) {
	r := newReplicas(t)
	add(t, r.Repository, claim, then)
	r.handOver(t, r.start(t))
	require.NoError(t, os.RemoveAll(r.Folder))
	r.id = r.Init(t)
	second := add(t, r.Repository, claim, then)
	r.start(t)
	ids, _, runs := r.list(t)
	assert.Equal(t, []string{second}, ids)
	assert.True(t, whole(runs), "%v", runs)
}

// TestAWrongHandOverIsFoundOut has what was handed over be changed by someone who may
// write there.
func TestAWrongHandOverIsFoundOut(t *testing.T) {
	for name, change := range map[string]func(string, string) string{
		"a snapshot": func(text, _ string) string { return strings.ReplaceAll(text, "pvc="+claim.Name, "pvc=other") },
		"the identity": func(text, id string) string {
			return strings.ReplaceAll(text, `"identity":"`+id, `"identity":"`+strings.Repeat("0", 64))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplicas(t)
			first := add(t, r.Repository, claim, then)
			relay := r.handOver(t, r.start(t))
			r.edit(t, func(text string) string { return change(text, r.id) })
			d := r.start(t)
			var listing drivertest.Listing
			_, err := d.List(t.Context(), &listing)
			require.NoError(t, err)
			relay.Driver = d
			before := r.writes.Load()
			r.now.SetTime(r.now.Now().Add(restic.HandOverEvery + time.Second))
			require.NoError(t, relay.HandOver(t.Context()))
			assert.Equal(t, before, r.writes.Load(), "it is not handed on before it was read")

			require.Error(t, d.Reread(t.Context()))
			stands, err := d.Confirm(t.Context(), listing.Marked)
			require.NoError(t, err)
			assert.False(t, stands, "the catalog must list again")
			if name == "the identity" {
				_, err = d.List(t.Context(), &drivertest.Listing{})
				assert.Equal(t, backup.RepositoryChanged, backup.KindOf(err), "%v", err)
			}
			ids, mark, _ := r.list(t)
			assert.Equal(t, []string{first}, ids)
			assert.True(t, r.confirm(t, mark))
		})
	}
}

func TestOnlyWhatHasChangedIsHandedOver(t *testing.T) {
	r := newReplicas(t)
	first := add(t, r.Repository, claim, then)
	d := r.start(t)
	relay := r.handOver(t, d)
	r.writes.Store(0)
	wait := func() {
		r.now.SetTime(r.now.Now().Add(restic.HandOverEvery + time.Second))
		require.NoError(t, relay.HandOver(t.Context()))
	}
	wait()
	assert.Zero(t, r.writes.Load(), "nothing has changed")
	leader := &restic.Relay{Driver: d, Every: restic.HandOverEvery}
	require.NoError(t, leader.HandOver(t.Context()))
	assert.Zero(t, r.writes.Load(), "another leader finds it written")

	add(t, r.Repository, claim, then.Add(time.Hour))
	_, _, _ = r.list(t)
	wait()
	assert.EqualValues(t, 1, r.writes.Load(), "one snapshot is in one part")
	r.Run(t, "forget", first)
	_, _, _ = r.list(t)
	require.NoError(t, relay.HandOver(t.Context()))
	assert.EqualValues(t, 1, r.writes.Load(), "not so soon")
	wait()
	assert.EqualValues(t, 17, r.writes.Load(), "the whole was read, which each part says")
}

func TestAHandOverThatCannotBeWrittenIsTriedAgain(t *testing.T) {
	r := newReplicas(t)
	add(t, r.Repository, claim, then)
	good := r.cluster
	denied := apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "soteria-restic-reading-03", nil)
	refuse := true
	r.cluster = interceptor.NewClient(good, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if refuse && o.GetName() == "soteria-restic-reading-03" {
				return denied
			}
			return c.Create(ctx, o, opts...)
		},
	})
	d := r.start(t)
	_, _, _ = r.list(t)
	relay := &restic.Relay{Driver: d, Every: restic.HandOverEvery}
	require.ErrorContains(t, relay.HandOver(t.Context()), "ConfigMap soteria-system/soteria-restic-reading-03")
	refuse = false
	r.now.SetTime(r.now.Now().Add(restic.HandOverEvery + time.Second))
	require.NoError(t, relay.HandOver(t.Context()))
	assert.EqualValues(t, 16, r.writes.Load(), "what was written already is not written again")
}

func TestTheWholeIsReadBeforeQuestionsHaveToWaitForIt(t *testing.T) {
	r := newReplicas(t)
	add(t, r.Repository, claim, then)
	d := r.start(t)
	_, mark, _ := r.list(t)
	require.NoError(t, os.WriteFile(r.runs, nil, 0o600))
	require.NoError(t, d.Reread(t.Context()))
	r.now.SetTime(r.now.Now().Add(24 * time.Minute))
	require.NoError(t, d.Reread(t.Context()))
	assert.Empty(t, r.ran(t), "it is not due")
	r.now.SetTime(r.now.Now().Add(2 * time.Minute))
	require.NoError(t, d.Reread(t.Context()))
	runs := r.ran(t)
	assert.Len(t, runs, 1)
	assert.True(t, whole(runs))
	r.now.SetTime(r.now.Now().Add(29 * time.Minute))
	assert.True(t, r.confirm(t, mark), "no question waits for it")
	r.now.SetTime(r.now.Now().Add(2 * time.Minute))
	assert.False(t, r.confirm(t, mark), "half an hour after the whole was read, names alone say nothing")
	require.NoError(t, d.Reread(t.Context()))
	assert.Empty(t, r.ran(t), "by then the next listing reads the whole, less often where that fails")
}

// TestAListingLeavesWhatWasReadWhileItRanAsItIs has the whole be read while a listing
// reads what is new.
func TestAListingLeavesWhatWasReadWhileItRanAsItIs(t *testing.T) {
	for _, wrong := range []bool{false, true} {
		t.Run(fmt.Sprintf("what was kept is wrong: %t", wrong), func(t *testing.T) {
			r := newReplicas(t)
			first := add(t, r.Repository, claim, then)
			r.handOver(t, r.start(t))
			if wrong {
				r.edit(t, func(text string) string { return strings.ReplaceAll(text, "pvc="+claim.Name, "pvc=other") })
			}
			gate := filepath.Join(t.TempDir(), "gate")
			d := r.start(t, func(c *restic.Config) {
				c.Program = wrapped(t, r.Restic, `echo "$*" >>`+r.runs+`
case "$*" in *-o*) ;; "snapshots "*) while [ ! -e `+gate+` ]; do sleep 0.05; done ;; esac; exec "$RESTIC" "$@"`)
			})
			_, _, _ = r.list(t)
			second := add(t, r.Repository, claim, then.Add(time.Hour))

			require.NoError(t, os.WriteFile(r.runs, nil, 0o600))
			listed := make(chan error)
			go func() {
				_, err := d.List(t.Context(), &drivertest.Listing{})
				listed <- err
			}()
			require.Eventually(t, func() bool { return len(r.ran(t)) == 1 }, time.Minute, 10*time.Millisecond, "the listing reads what is new")
			assert.Equal(t, wrong, d.Reread(t.Context()) != nil)
			require.NoError(t, os.WriteFile(gate, nil, 0o600))
			require.NoError(t, <-listed)

			ids, _, runs := r.list(t)
			assert.ElementsMatch(t, []string{first, second}, ids)
			assert.Equal(t, wrong, whole(runs), "what is wrong is not gone by again: %v", runs)
			require.NoError(t, os.WriteFile(r.runs, nil, 0o600))
			require.NoError(t, d.Reread(t.Context()))
			assert.Empty(t, r.ran(t), "the whole was read")
		})
	}
}

func TestWhyNothingIsHandedOverIsSaidOnce(t *testing.T) {
	r := newReplicas(t)
	add(t, r.Repository, claim, then)
	tried := new(atomic.Int64)
	r.cluster = interceptor.NewClient(r.cluster, interceptor.Funcs{
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
			tried.Add(1)
			return apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "soteria-restic-reading-00", nil)
		},
	})
	d := r.start(t)
	_, _, _ = r.list(t)
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	relay := &restic.Relay{Driver: d, Look: time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil))}
	done := make(chan error)
	go func() { done <- relay.Start(ctx) }()
	require.Eventually(t, func() bool { return tried.Load() > 3 }, time.Minute, time.Millisecond)
	cancel()
	require.NoError(t, <-done)
	assert.Equal(t, 1, strings.Count(log.String(), "is not handed over"), log.String())
}

func TestAPasswordThatWasChangedIsNoticedByReadingTheWholeAhead(t *testing.T) {
	r := newReplicas(t)
	add(t, r.Repository, claim, then)
	d := r.start(t)
	_, mark, _ := r.list(t)
	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte("another password"), 0o600))
	r.Run(t, "key", "passwd", "--new-password-file", file)
	assert.True(t, r.confirm(t, mark), "the names are the same")
	r.now.SetTime(r.now.Now().Add(26 * time.Minute))
	assert.Equal(t, backup.Credentials, backup.KindOf(d.Reread(t.Context())))
	assert.False(t, r.confirm(t, mark))
	_, err := d.List(t.Context(), &drivertest.Listing{})
	assert.Equal(t, backup.Credentials, backup.KindOf(err))
}

func TestTheRelayAndTheRereaderEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := restic.New(restic.Config{Repository: "/backups", SecretName: "s", SecretNamespace: system}, restic.Cluster{})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		done := make(chan error)
		relay, rereader := &restic.Relay{Driver: d, Look: restic.LookEvery}, restic.Rereader{Driver: d, Look: restic.LookEvery}
		go func() { done <- relay.Start(ctx) }()
		go func() { done <- rereader.Start(ctx) }()
		require.NoError(t, <-done)
		require.NoError(t, <-done)
		assert.Equal(t, time.Hour, time.Since(began))
		assert.False(t, rereader.NeedLeaderElection(), "every replica answers questions")
	})
}
