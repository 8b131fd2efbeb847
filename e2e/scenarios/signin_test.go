//go:build e2e

package scenarios_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/client"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// bucketScanned has Soteria scan the bucket that backups are in.
var bucketScanned = map[string]string{
	"SOTERIA_B2_ENABLED": "true", "SOTERIA_B2_ENDPOINT": "http://s3.backup-store.svc:7070", "SOTERIA_B2_REGION": "us-east-1",
	"SOTERIA_B2_BUCKET": "soteria", "SOTERIA_B2_SECRET_NAME": "soteria-restic", "SOTERIA_B2_SCAN_INTERVAL": "10s",
}

func TestOnlyWhoMayUseTheAPIUsesIt(t *testing.T) {
	const namespace = "e2e-signin"
	s := begin(t, 8*time.Minute, namespace)
	app := harness.App{Namespace: namespace, Name: "photos", Size: "64Mi"}
	s.start(app)
	token := rand.Text()
	// A port that is forwarded comes out of the pod's own loopback address.
	variables := map[string]string{
		"SOTERIA_AUTH_REQUIRED": "true", "SOTERIA_AUTH_BEARER_TOKENS": "scripts:" + token, "SOTERIA_TRUSTED_PROXIES": "127.0.0.1, ::1",
	}
	maps.Copy(variables, bucketScanned)
	s.configure(variables)
	nobody := s.apiWith(nil)
	script := s.apiWith(http.Header{"Authorization": {"Bearer " + token}})

	s.run("nobody gets in without a credential but to what is public", func(s *scenario) {
		require.NoError(s, nobody.Healthy(s.ctx))
		_, err := nobody.Exists(s.ctx, keyOf(app))
		require.NoError(s, err)
		_, err = nobody.Inventory(s.ctx)
		require.Equal(s, backup.Unauthenticated, backup.KindOf(err), "%v", err)
		_, err = nobody.Backup(s.ctx, wire.BackupRequest{Namespace: namespace, PVC: "photos"})
		require.Equal(s, backup.Unauthenticated, backup.KindOf(err), "%v", err)
	})
	s.run("a script with a token gets in, and what it does is told on the claim", func(s *scenario) {
		me, err := script.WhoAmI(s.ctx)
		require.NoError(s, err)
		require.Equal(s, wire.WhoAmI{User: "scripts", Groups: []string{}, Authenticated: true, How: "bearer_token"}, me)
		started, err := script.Backup(s.ctx, wire.BackupRequest{Namespace: namespace, PVC: "photos"})
		require.NoError(s, err)
		require.Equal(s, "scripts", started.RequestedBy)
		s.awaitEvent(app, "scripts")
		require.NoError(s, cluster.AwaitJob(s.ctx, namespace, started.JobName))
	})
	s.run("a wrong token does not", func(s *scenario) {
		_, err := s.apiWith(http.Header{"Authorization": {"Bearer " + rand.Text()}}).WhoAmI(s.ctx)
		require.Equal(s, backup.Unauthenticated, backup.KindOf(err), "%v", err)
	})
	s.run("a user of an allowed group gets in through the proxy, and one of another does not", func(s *scenario) {
		user := func(groups string) http.Header {
			return http.Header{"X-Auth-Request-User": {"ada"}, "X-Auth-Request-Groups": {groups}}
		}
		me, err := s.apiWith(user("/guests; /admin")).WhoAmI(s.ctx)
		require.NoError(s, err)
		require.Equal(s, "ada", me.User)
		_, err = s.apiWith(user("guests")).Inventory(s.ctx)
		require.Equal(s, backup.Denied, backup.KindOf(err), "%v", err)
		var refused wire.Error
		status, err := cluster.Send(s.ctx, http.MethodGet, "v1/whoami", "", user("admin"), &refused)
		require.NoError(s, err)
		require.Equal(s, http.StatusUnauthorized, status, "the API server is no trusted proxy: %v", refused)
	})
	s.run("the bucket is told of without being scanned", func(s *scenario) {
		s.await("the first scan of the bucket", func(ctx context.Context) (bool, string, error) {
			contents, err := script.Bucket(ctx)
			return err == nil && contents.Objects > 0 && contents.Bytes > 0 && contents.Error == "", fmt.Sprint(contents), err
		})
	})
	s.run("refusals are counted", func(s *scenario) {
		denials, err := cluster.Metric(s.ctx, "soteria_authz_denials_total")
		require.NoError(s, err)
		require.GreaterOrEqual(s, denials, 5.0)
	})
	s.run("every metric that dashboards go by is there", func(s *scenario) {
		names := []string{
			"soteria_backup_requests_total", "soteria_authz_denials_total", "soteria_inventory_refresh_failures_total",
			"soteria_inventory_refresh_timestamp_seconds", "pvc_backup_age_hours", "pvc_backup_health",
			"pvc_backup_last_success_timestamp_seconds", "pvc_backup_count", "soteria_held_claims", "soteria_restores",
			"soteria_catalog_age_seconds", "soteria_unattributed_backups", "soteria_certificate_expiry_timestamp_seconds", "soteria_bucket_bytes", "soteria_bucket_objects",
		}
		s.await("every metric to be there", func(ctx context.Context) (bool, string, error) {
			text, err := cluster.Scrape(ctx)
			missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
				return strings.Contains(text, "\n"+name+"{") || strings.Contains(text, "\n"+name+" ")
			})
			return len(missing) == 0, "missing: " + strings.Join(missing, ", "), err
		})
	})
}

// configure sets variables of Soteria's for as long as the scenario lasts.
func (s *scenario) configure(variables map[string]string) {
	s.Helper()
	defaults := map[string]string{}
	for name := range variables {
		defaults[name] = ""
	}
	s.after(func(ctx context.Context) error { return cluster.Configure(ctx, defaults) })
	require.NoError(s, cluster.Configure(s.ctx, variables))
}

// apiWith is a way to the API that sends a header with every request.
func (s *scenario) apiWith(header http.Header) *client.Client {
	s.Helper()
	api, end, err := cluster.API(s.ctx, header)
	require.NoError(s, err)
	s.after(func(context.Context) error { return end() })
	return api
}
