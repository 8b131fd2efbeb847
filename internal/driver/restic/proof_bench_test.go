package restic_test

import (
	"cmp"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/restic"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/driver/restic/memory"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest/history"
	"github.com/soteria-dr/soteria/internal/secret"
	"github.com/soteria-dr/soteria/internal/slowline"
)

// BenchmarkTwentyThousandSnapshots reads a repository of 20,000 snapshots, 2,000 index
// files and ten claims in an S3 store, near and 30 ms away: first as the first replica
// does, whose disk is empty, then as each proof that a claim has no backup does, and then
// as a new replica does, whose disk is empty, too, and which also reads the copy of what is
// remembered.
func BenchmarkTwentyThousandSnapshots(b *testing.B) {
	const snapshots = 20_000
	program := restictest.Restic(b)
	server := restictest.StartS3(b)
	path := "/" + restictest.Bucket + "/cluster"
	made := restictest.Repository{
		Restic: program, Address: "s3:http://" + server.Host + path, CacheDir: b.TempDir(), Env: server.Env(), Folder: filepath.Join(server.Folder, path),
	}
	made.Init(b)
	var claims []backup.Claim
	for n := range 10 {
		claims = append(claims, backup.Claim{Namespace: "apps", Name: fmt.Sprintf("data-%d", n)})
	}
	_, err := memory.Write(b.Context(), cli.Program{
		Path: program, Location: cli.Location{Kind: cli.Local, Text: made.Folder}, CacheDir: b.TempDir(), Credentials: cli.Credentials{cli.KeyPassword: secret.New(restictest.Password)},
	}, memory.Owner{Instance: "i"}, remembered(len(claims)), time.Now())
	require.NoError(b, err)
	h := history.History{Claims: claims, Backups: snapshots, Changed: 10, Newest: time.Now(), Every: time.Minute}
	require.NoError(b, h.Write(made.Folder, restictest.Password))
	line, err := slowline.New("http://" + server.Host)
	require.NoError(b, err)
	proxy := httptest.NewServer(line)
	b.Cleanup(proxy.Close)
	start := func(b *testing.B, cluster client.Client) *restic.Driver {
		b.Helper()
		d, err := restic.New(restic.Config{
			Repository: "s3:" + proxy.URL + path, SecretName: "soteria-restic", SecretNamespace: system, Namespace: system, Program: program, CacheDir: b.TempDir(),
		}, restic.Cluster{Client: cluster, Reader: cluster})
		require.NoError(b, err)
		return d
	}

	for _, away := range []time.Duration{0, 30 * time.Millisecond} {
		b.Run(fmt.Sprintf("%d ms away", away.Milliseconds()), func(b *testing.B) {
			cluster := fake.NewClientBuilder().WithScheme(coreScheme(b)).WithObjects(secretWith(fullSecret())).Build()
			d := start(b, cluster)
			line.Delay(away)
			var listing drivertest.Listing
			b.Run("first listing", func(b *testing.B) {
				measured(b, line, func() error {
					listing = drivertest.Listing{}
					_, err := d.List(b.Context(), &listing)
					return err
				})
				require.Len(b, listing.Backups, snapshots)
			})
			b.Run("proof", func(b *testing.B) {
				measured(b, line, func() error {
					stands, err := d.Confirm(b.Context(), listing.Marked)
					require.True(b, stands || err != nil)
					return err
				})
			})
			b.Run("handing over", func(b *testing.B) {
				for b.Loop() {
					relay := &restic.Relay{Driver: d}
					require.NoError(b, relay.HandOver(b.Context()))
				}
				b.ReportMetric(float64(handedBytes(b, cluster))/snapshots, "bytes/snapshot")
			})
			b.Run("new replica", func(b *testing.B) {
				measured(b, line, func() error {
					d, started, copies := start(b, cluster), drivertest.Listing{}, make(chan error)
					go func() {
						_, err := d.Read(b.Context(), "restic")
						copies <- err
					}()
					_, err := d.List(b.Context(), &started)
					require.Equal(b, listing.Marked, started.Marked)
					return cmp.Or(err, <-copies)
				})
			})
		})
	}
}

// handedBytes returns what a hand-over takes in the cluster.
func handedBytes(b *testing.B, cluster client.Client) int {
	b.Helper()
	var stored corev1.ConfigMapList
	require.NoError(b, cluster.List(b.Context(), &stored))
	size := 0
	for _, part := range stored.Items {
		for _, packed := range part.BinaryData {
			size += len(packed)
		}
	}
	return size
}

// measured does something as often as the benchmark wants, and prints how many requests
// the store got each time.
func measured(b *testing.B, line *slowline.Line, do func() error) {
	b.Helper()
	before := line.Requests()
	for b.Loop() {
		require.NoError(b, do())
	}
	b.ReportMetric(float64(line.Requests()-before)/float64(b.N), "requests/op")
}

func coreScheme(b *testing.B) *runtime.Scheme {
	b.Helper()
	scheme := runtime.NewScheme()
	require.NoError(b, corev1.AddToScheme(scheme))
	return scheme
}
