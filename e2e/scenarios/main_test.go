//go:build e2e

package scenarios_test

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/soteria-dr/soteria/e2e/harness"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
)

// preparation is how long it may take to build and install Soteria.
const preparation = 15 * time.Minute

// together is how many scenarios run at once. They mostly wait.
const together = "10"

var (
	cluster *harness.Cluster
	// repository is where backups go, made for this run alone.
	repository = harness.S3Repository(repositoryName)
	// repositoryName is the folder of the S3 store's bucket that it is in.
	repositoryName = "e2e-" + rand.Text()
)

// settings are the variables that scenarios change.
var settings = []string{
	"SOTERIA_RESTORE_MODE", "SOTERIA_ON_UNKNOWN", "SOTERIA_CROSS_NAMESPACE", "SOTERIA_LONGHORN_URL", "SOTERIA_LISTING_TIMEOUT",
	"SOTERIA_AUTH_REQUIRED", "SOTERIA_AUTH_BEARER_TOKENS", "SOTERIA_TRUSTED_PROXIES", "SOTERIA_B2_ENABLED",
	"SOTERIA_POLICY_EVAL_SECONDS", "SOTERIA_EXISTS_AUTH_REQUIRED", expectBackups, clusterName, restoreClusters,
}

func TestMain(m *testing.M) {
	flag.Parse()
	logf.SetLogger(logr.Discard())
	if err := prepare(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "preparing the scenarios:", err)
		os.Exit(1)
	}
	status := m.Run()
	tellFailures(os.Stderr)
	os.Exit(status)
}

// prepare installs Soteria as the sources make it, with kill points, whatever a
// run that was broken off has left.
func prepare() error {
	ctx, cancel := context.WithTimeout(context.Background(), preparation)
	defer cancel()
	if err := flag.Set("test.parallel", together); err != nil {
		return err
	}
	var err error
	if cluster, err = harness.Connect(ctx); err != nil {
		return err
	}
	for _, store := range []string{harness.S3, harness.Rest} {
		if err := cluster.StartStore(ctx, store); err != nil {
			return err
		}
	}
	if err := cluster.BuildImage(ctx, "killpoints"); err != nil {
		return err
	}
	if err := cluster.Install(ctx); err != nil {
		return err
	}
	defaults := map[string]string{}
	for _, variable := range settings {
		defaults[variable] = ""
	}
	if err := cluster.Configure(ctx, defaults); err != nil {
		return err
	}
	// A run that was broken off may have left it.
	if err := cluster.ForgetDriver(ctx, longhorn.Name); err != nil {
		return err
	}
	if _, err = cluster.UseRepository(ctx, repository); err != nil {
		return err
	}
	return cluster.LightenKey(ctx, repository)
}
