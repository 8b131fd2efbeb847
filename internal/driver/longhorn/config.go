package longhorn

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
)

// Name is the driver's name.
const Name = "longhorn"

// Defaults of [Config].
const (
	DefaultURL       = "http://longhorn-backend.longhorn-system.svc:9500"
	DefaultNamespace = "longhorn-system"
)

// BackupMode says how much of a volume a backup uploads.
type BackupMode string

// The backup modes. Incremental uploads the blocks that changed since the last
// backup, Full uploads every block again, which also mends damaged ones.
const (
	Incremental BackupMode = "incremental"
	Full        BackupMode = "full"
)

// Unlabeled says what to make of a complete backup that nothing attributes to a
// claim.
type Unlabeled string

// What can be made of an unattributed backup. Hold, the default, takes it that it
// may be of any claim, so that none is proved to have no backups; Ignore takes it
// that it is of no claim.
const (
	Hold   Unlabeled = "hold"
	Ignore Unlabeled = "ignore"
)

// Config is all that an operator settles. The environment variables that it is
// read from are named in the errors of [Config.Validate]. Empty fields have
// defaults.
type Config struct {
	// URL is the address of Longhorn's REST API. Default: [DefaultURL].
	URL string
	// Namespace is where Longhorn keeps its custom resources. Default:
	// [DefaultNamespace].
	Namespace string
	// BackupMode is how backups are taken. Default: [Incremental].
	BackupMode BackupMode
	// BackupTarget is the URL that Longhorn's default backup target must have, ""
	// for any. A listing while it has another one is RepositoryChanged.
	BackupTarget string
	// IgnoreTargets names backup targets that are left out: nothing is known of
	// what they hold, as if it were of no one. The default one cannot be.
	IgnoreTargets []string
	// Unlabeled is what to make of backups of nobody's. Default: [Hold].
	Unlabeled Unlabeled
	// OwnNamespace is Soteria's own.
	OwnNamespace string
	// Deadline is how long a backup may take; one that is older and does not come
	// further is given up. Default: a day.
	Deadline time.Duration
	// Clusters says whose backups are this cluster's own, and by which name it
	// labels those that it takes.
	Clusters backup.Clusters
}

// withDefaults fills in what is empty.
func (c Config) withDefaults() Config {
	if c.URL == "" {
		c.URL = DefaultURL
	}
	if c.Namespace == "" {
		c.Namespace = DefaultNamespace
	}
	if c.BackupMode == "" {
		c.BackupMode = Incremental
	}
	if c.Unlabeled == "" {
		c.Unlabeled = Hold
	}
	c.BackupTarget = canonicalURL(c.BackupTarget)
	targets := make([]string, 0, len(c.IgnoreTargets))
	for _, target := range c.IgnoreTargets {
		if target = strings.TrimSpace(target); target != "" {
			targets = append(targets, target)
		}
	}
	c.IgnoreTargets = targets
	return c
}

// Validate gives every mistake in the configuration, each an error of kind
// Invalid that begins with the environment variable at fault.
func (c Config) Validate() []error {
	var problems []error
	bad := func(variable, format string, args ...any) {
		problems = append(problems, backup.Errorf(backup.Invalid, variable+": "+format, args...))
	}
	c = c.withDefaults()
	if _, err := api.ParseURL(c.URL); err != nil {
		bad("SOTERIA_LONGHORN_URL", "%w", err)
	}
	if len(validation.IsDNS1123Label(c.Namespace)) > 0 {
		bad("SOTERIA_LONGHORN_NAMESPACE", "%q is not the name of a namespace", c.Namespace)
	}
	switch c.BackupMode {
	case Incremental, Full:
	default:
		bad("SOTERIA_LONGHORN_BACKUP_MODE", "%q is neither %s nor %s", c.BackupMode, Incremental, Full)
	}
	switch c.Unlabeled {
	case Hold, Ignore:
	default:
		bad("SOTERIA_LONGHORN_UNLABELED", "%q is neither %s nor %s", c.Unlabeled, Hold, Ignore)
	}
	for _, target := range c.IgnoreTargets {
		switch {
		case target == defaultTarget:
			bad("SOTERIA_LONGHORN_IGNORE_TARGETS", "the backup target %s cannot be left out: without it no claim would be known to have backups", target)
		case len(validation.IsDNS1123Subdomain(target)) > 0:
			bad("SOTERIA_LONGHORN_IGNORE_TARGETS", "%.100q is not the name of a backup target: name them as Longhorn does, separated by commas", target)
		}
	}
	if u, err := url.Parse(c.BackupTarget); c.BackupTarget != "" && (err != nil || u.Scheme == "" || u.Host == "") {
		bad("SOTERIA_LONGHORN_BACKUP_TARGET", "%.100q is not the URL of a backup target, such as s3://<bucket>@<region>/<path>", c.BackupTarget)
	}
	return problems
}

// deadline returns how long a backup may take.
func (c Config) deadline() time.Duration { return cmp.Or(c.Deadline, 24*time.Hour) }

// ignores reports whether a backup target is left out.
func (c Config) ignores(target string) bool {
	return target != defaultTarget && slices.Contains(c.IgnoreTargets, target)
}

// canonicalURL makes equal what Longhorn takes for the same backup target: a
// slash at the end means nothing.
func canonicalURL(target string) string { return strings.TrimRight(strings.TrimSpace(target), "/") }
