package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/kopia"
	"github.com/soteria-dr/soteria/internal/driver/s3"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/objectstore"
	"github.com/soteria-dr/soteria/internal/secret"
)

// LookupConfig is what the environment says of backups that Soteria only looks
// up. It is exported for the library that reads it. What concerns a driver counts
// and is checked only where SOTERIA_RESTORE_DRIVERS names it.
type LookupConfig struct {
	ExistsTimeout time.Duration `env:"SOTERIA_EXISTS_TIMEOUT" envDefault:"2500ms"`
	RestoreRef    string        `env:"SOTERIA_RESTORE_REF"`
	// ReadyRequiresBackend counts only in the place of pvc-plumber: Soteria's own
	// admission is ready whatever a repository does.
	ReadyRequiresBackend bool `env:"SOTERIA_READY_REQUIRES_BACKEND"`

	LookupS3Endpoint        string        `env:"SOTERIA_LOOKUP_S3_ENDPOINT"`
	LookupS3Region          string        `env:"SOTERIA_LOOKUP_S3_REGION"`
	LookupS3Bucket          string        `env:"SOTERIA_LOOKUP_S3_BUCKET"`
	LookupS3AccessKeyID     secret.String `env:"SOTERIA_LOOKUP_S3_ACCESS_KEY_ID"`
	LookupS3SecretAccessKey secret.String `env:"SOTERIA_LOOKUP_S3_SECRET_ACCESS_KEY"`
	LookupS3SecretName      string        `env:"SOTERIA_LOOKUP_S3_SECRET_NAME"`

	KopiaPath         string        `env:"SOTERIA_KOPIA_REPOSITORY_PATH"`
	KopiaPassword     secret.String `env:"SOTERIA_KOPIA_PASSWORD"`
	KopiaPasswordFile string        `env:"SOTERIA_KOPIA_PASSWORD_FILE"`
	KopiaRepositoryID string        `env:"SOTERIA_KOPIA_REPOSITORY_ID"`
	KopiaS3Endpoint   string        `env:"SOTERIA_KOPIA_S3_ENDPOINT"`
	KopiaS3Region     string        `env:"SOTERIA_KOPIA_S3_REGION"`
	KopiaS3Bucket     string        `env:"SOTERIA_KOPIA_S3_BUCKET"`
	KopiaS3Prefix     string        `env:"SOTERIA_KOPIA_S3_PREFIX"`
	KopiaS3AccessKey  secret.String `env:"SOTERIA_KOPIA_S3_ACCESS_KEY"`
	KopiaS3SecretKey  secret.String `env:"SOTERIA_KOPIA_S3_SECRET_KEY"`
	KopiaS3Secure     bool          `env:"SOTERIA_KOPIA_S3_SECURE" envDefault:"true"`

	populators kube.Populators
}

// lookups are the drivers that find backups and can neither take nor restore
// them.
var lookups = []string{s3.Name, kopia.NameFS, kopia.NameS3}

// maxExistsTimeout is below what the HTTP server gives any answer.
const maxExistsTimeout = 30 * time.Second

// lookupS3 gives the driver's settings.
func (c *config) lookupS3() s3.Config {
	return s3.Config{Concurrency: s3.DefaultConcurrency, Layout: c.s3Layout, Foreign: c.s3Foreign, Bucket: objectstore.Config{
		Endpoint: c.LookupS3Endpoint, Region: c.LookupS3Region, Bucket: c.LookupS3Bucket,
		AccessKeyID: c.LookupS3AccessKeyID, SecretAccessKey: c.LookupS3SecretAccessKey,
		SecretName: c.LookupS3SecretName, Namespace: c.Namespace, Observe: c.clocks.Transport,
	}}
}

// kopia gives the settings of the driver of this name.
func (c *config) kopia(name string) kopia.Config {
	settings := kopia.Config{Password: c.KopiaPassword, PasswordFile: c.KopiaPasswordFile, RepositoryID: c.KopiaRepositoryID, Rules: c.kopiaRules, Unattributed: c.KopiaUnattributed}
	if name == kopia.NameFS {
		settings.Path = c.KopiaPath
		return settings
	}
	endpoint := c.KopiaS3Endpoint
	if endpoint != "" && !strings.Contains(endpoint, "://") && !c.KopiaS3Secure {
		endpoint = "http://" + endpoint
	}
	settings.Prefix = c.KopiaS3Prefix
	settings.Bucket = objectstore.Config{
		Endpoint: endpoint, Region: c.KopiaS3Region, Bucket: c.KopiaS3Bucket, AccessKeyID: c.KopiaS3AccessKey, SecretAccessKey: c.KopiaS3SecretKey, Observe: c.clocks.Transport,
	}
	return settings
}

// checkLookups checks the settings and derives what they hold.
func (c *config) checkLookups() []error {
	var problems []error
	if c.ExistsTimeout <= 0 || c.ExistsTimeout > maxExistsTimeout {
		problems = append(problems, fmt.Errorf("SOTERIA_EXISTS_TIMEOUT: %s must be more than zero, and at most %s", c.ExistsTimeout, maxExistsTimeout))
	}
	var err error
	if c.populators, err = kube.ParsePopulators(c.RestoreRef); err != nil {
		problems = append(problems, fmt.Errorf("SOTERIA_RESTORE_REF: %w", err))
	}
	if c.uses(s3.Name) {
		problems = append(problems, c.lookupS3().Validate()...)
	}
	for _, name := range []string{kopia.NameFS, kopia.NameS3} {
		if c.uses(name) {
			problems = append(problems, c.kopia(name).Validate()...)
		}
	}
	return problems
}

// newLookup makes a look-up driver. The reader reads Secrets from the API server;
// nil where there is none.
func newLookup(c config, name string, reader client.Reader) (driver.Lister, error) {
	switch name {
	case s3.Name:
		return s3.New(c.lookupS3(), reader, clock.RealClock{}), nil
	case kopia.NameFS, kopia.NameS3:
		return kopia.New(c.kopia(name))
	default:
		return nil, fmt.Errorf("no driver %q looks backups up", name)
	}
}

// newLookups makes those that the configuration names.
func newLookups(c config, reader client.Reader) ([]driver.Lister, error) {
	var listers []driver.Lister
	for _, name := range c.lookedUp() {
		lister, err := newLookup(c, name, reader)
		if err != nil {
			return nil, err
		}
		listers = append(listers, lister)
	}
	return listers, nil
}

// lookupPins are the identities that repositories which are looked up must have,
// by driver.
func (c *config) lookupPins() map[string]string {
	pins := map[string]string{}
	for _, name := range c.lookedUp() {
		if name != s3.Name && c.KopiaRepositoryID != "" {
			pins[name] = c.KopiaRepositoryID
		}
	}
	return pins
}

// lookedUp names the look-up drivers that the configuration names.
func (c *config) lookedUp() []string {
	var names []string
	for _, name := range lookups {
		if slices.Contains(c.RestoreDrivers, name) {
			names = append(names, name)
		}
	}
	return names
}
