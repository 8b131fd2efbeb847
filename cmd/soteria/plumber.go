package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/catalog/ledger"
	"github.com/soteria-dr/soteria/internal/driver/kopia"
	"github.com/soteria-dr/soteria/internal/driver/s3"
	"github.com/soteria-dr/soteria/internal/footprint"
	"github.com/soteria-dr/soteria/internal/httpapi"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/loglines"
	"github.com/soteria-dr/soteria/internal/metrics"
	"github.com/soteria-dr/soteria/internal/signin"
)

// plumberMemory is what Go's memory stays within where neither GOMEMLIMIT nor a
// container's limit says otherwise: as in pvc-plumber's published manifests, of which
// the one for S3 has a limit of 32 MiB and the one for Kopia 64 MiB.
func plumberMemory(c config) int64 {
	if slices.Equal(c.RestoreDrivers, []string{s3.Name}) {
		return 24 << 20
	}
	return 48 << 20
}

// plumberNames are pvc-plumber's environment variables and Soteria's for the
// same, which win where both are set.
var plumberNames = map[string]string{ //nolint:gosec // names of variables, no secrets
	"HTTP_TIMEOUT": "SOTERIA_EXISTS_TIMEOUT", "PORT": "SOTERIA_LISTEN_ADDR", "LOG_LEVEL": "SOTERIA_LOG_LEVEL",
	"S3_ENDPOINT": "SOTERIA_LOOKUP_S3_ENDPOINT", "S3_BUCKET": "SOTERIA_LOOKUP_S3_BUCKET",
	"S3_ACCESS_KEY": "SOTERIA_LOOKUP_S3_ACCESS_KEY_ID", "S3_SECRET_KEY": "SOTERIA_LOOKUP_S3_SECRET_ACCESS_KEY",
	"KOPIA_REPOSITORY_PATH": "SOTERIA_KOPIA_REPOSITORY_PATH", "KOPIA_PASSWORD": "SOTERIA_KOPIA_PASSWORD",
}

// plumberDefaults hold where nothing else is said, as they do for pvc-plumber.
var plumberDefaults = map[string]string{
	"BACKEND_TYPE": s3.Name, "HTTP_TIMEOUT": "3s", "PORT": "8080", "S3_SECURE": "false", "KOPIA_REPOSITORY_PATH": "/repository",
}

// inPlumberMode reports whether the environment is that of a pvc-plumber: it
// names a backend or, since pvc-plumber's default is S3, an S3 endpoint and no
// driver of Soteria's.
func inPlumberMode(env map[string]string) bool {
	if env["BACKEND_TYPE"] != "" {
		return true
	}
	_, backsUp := env["SOTERIA_BACKUP_DRIVER"]
	_, restores := env["SOTERIA_RESTORE_DRIVERS"]
	return env["S3_ENDPOINT"] != "" && !backsUp && !restores
}

// readPlumberConfig reads the environment of a pvc-plumber. The error names its
// variables.
func readPlumberConfig(env map[string]string) (config, error) {
	theirs := maps.Clone(plumberDefaults)
	for name, value := range env {
		if value != "" {
			theirs[name] = value
		}
	}
	var problems []error
	backend := theirs["BACKEND_TYPE"]
	if !slices.Contains(lookups, backend) {
		problems = append(problems, fmt.Errorf("BACKEND_TYPE: %q must be one of %s", backend, strings.Join(lookups, ", ")))
		backend = s3.Name
	}
	if port, err := strconv.ParseUint(theirs["PORT"], 10, 16); err != nil || port == 0 {
		problems = append(problems, fmt.Errorf("PORT: %q is not a port", theirs["PORT"]))
	}
	secure, err := strconv.ParseBool(theirs["S3_SECURE"])
	if err != nil {
		problems = append(problems, fmt.Errorf("S3_SECURE: %q must be true or false", theirs["S3_SECURE"]))
	}
	theirs["PORT"] = ":" + theirs["PORT"]
	theirs["S3_ENDPOINT"] = plumberEndpoint(theirs["S3_ENDPOINT"], secure)

	ours, translated := maps.Clone(env), []string(nil)
	for name, own := range plumberNames {
		if _, wins := env[own]; !wins && theirs[name] != "" {
			ours[own] = theirs[name]
		}
		if _, wins := env[own]; !wins {
			translated = append(translated, own, name)
		}
	}
	ours["SOTERIA_RESTORE_DRIVERS"] = backend
	if ours["SOTERIA_EXPECT_BACKUPS"] == "" {
		// pvc-plumber takes a store that is empty for one that is new, and nothing
		// here outlives the process that a person could have accepted it for.
		ours["SOTERIA_EXPECT_BACKUPS"] = "false"
	}
	c, err := readConfig(ours)
	if err != nil {
		problems = append(problems, errors.New(strings.NewReplacer(translated...).Replace(err.Error())))
	}
	if c.LookupS3SecretName != "" {
		problems = append(problems, errors.New("SOTERIA_LOOKUP_S3_SECRET_NAME: Secrets are not read where BACKEND_TYPE or S3_ENDPOINT is set, since nothing asks the cluster then"))
	}
	return c, errors.Join(problems...)
}

// plumberEndpoint gives the URL of an endpoint that is a host.
func plumberEndpoint(endpoint string, secure bool) string {
	switch {
	case endpoint == "", strings.Contains(endpoint, "://"):
		return endpoint
	case secure:
		return "https://" + endpoint
	default:
		return "http://" + endpoint
	}
}

// servePlumber answers /exists as pvc-plumber does, without a cluster, until ctx
// ends.
func servePlumber(ctx context.Context, env map[string]string, stderr io.Writer) error {
	c, err := readPlumberConfig(env)
	if err != nil {
		return fmt.Errorf("%w:\n%w", errConfig, err)
	}
	if env["GOMEMLIMIT"] == "" {
		footprint.LimitMemory(plumberMemory(c))
	}
	lines := loglines.New(stderr)
	defer lines.Flush()
	log := slog.New(lines.Together(newHandler(lines, c.LogLevel)))
	known, server, err := newPlumber(c, log)
	if err != nil {
		return err
	}
	known.OnRecovery(func(string) { go releaseMemory(log) }) // by then all has run once that is not needed again
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return known.Start(ctx) })
	group.Go(func() error { return server.Start(ctx) })
	return group.Wait()
}

// kopiaSource is the source that VolSync's Kopia mover makes snapshots of for a
// claim, as pvc-plumber tells it.
func kopiaSource(claim backup.Claim) string { return kopia.SourceOf(claim) + ":/data" }

// newPlumber makes the catalog and the server, of which the caller starts both.
func newPlumber(c config, log *slog.Logger) (*catalog.Catalog, *httpapi.Server, error) {
	listers, err := newLookups(c, nil)
	if err != nil {
		return nil, nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	measured := metrics.NewPlumber(registry, metrics.New(registry), strings.Join(c.RestoreDrivers, ","))
	settings := c.catalog()
	settings.Log, settings.Pins = log, c.lookupPins()
	known := catalog.New(settings, listers, &ledger.Memory{}, clock.RealClock{}, measured)
	api := c.http()
	api.ExistsOnly = true
	if !slices.Contains(c.RestoreDrivers, s3.Name) {
		api.SourceOf = kopiaSource
	}
	return known, httpapi.New(api, httpapi.Services{
		Catalog: known, SignIn: signin.New(c.signIn), Lock: kube.NewLock, Gatherer: registry, Observer: measured, Log: log,
		Ready: plumberReady(c.ReadyRequiresBackend, known.Overviews),
	}), nil
}

// plumberReady says why a plumber should get no requests: never, or, where its backend
// is required, while that cannot be listed.
func plumberReady(required bool, overviews func() []catalog.Overview) func(context.Context) error {
	return func(context.Context) error {
		if !required {
			return nil
		}
		for _, o := range overviews() {
			switch {
			case o.Failure != nil:
				return o.Failure
			case o.ListedAt.IsZero():
				return fmt.Errorf("the %s repository has not been listed yet", o.Driver)
			}
		}
		return nil
	}
}
