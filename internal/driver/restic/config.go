package restic

import (
	"cmp"
	"regexp"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/kube/moverjob"
)

// Name is the driver's name.
const Name = "restic"

// Config is all that an operator settles. The environment variables that it is
// read from are named in the errors of [Config.Validate].
type Config struct {
	// Repository is the repository's address: s3:…, rest:… or an absolute path.
	Repository string
	// RepositoryID is the identity the repository must have, "" for any. The
	// catalog enforces it; it is here to be checked and to be told to movers.
	RepositoryID string
	// S3Endpoint completes an address s3:<bucket>/<path>; S3Region is the
	// bucket's region.
	S3Endpoint string
	S3Region   string
	// SecretName and SecretNamespace name the Secret with the credentials.
	SecretName      string
	SecretNamespace string
	// Namespace is Soteria's own.
	Namespace string
	// Clusters says whose snapshots are this cluster's own, and by which name it
	// tags those that it takes.
	Clusters backup.Clusters
	// Instance identifies this installation of Soteria among others that may write
	// to the same repository, also by the same cluster name.
	Instance string

	// Program is the restic program for what the replica itself does, and
	// CacheDir its cache. Defaults: restic, from PATH; a folder below the
	// system's for temporary files.
	Program  string
	CacheDir string

	// Image supplies restic to Jobs, SoteriaImage the soteria binary. [OwnImage]
	// has Jobs run the restic in SoteriaImage.
	Image        string
	SoteriaImage string
	// BackupArgs are added to `restic backup`, and of ForgetArgs those that say
	// how the repository is talked to to `restic forget`. The others have no use
	// there, see [Config.UnusedForgetArgs].
	BackupArgs []string
	ForgetArgs []string
	// ShrinkPercent is by how much a backup may hold less than the one before it
	// and still count; 100 is by any. Zero is 100.
	ShrinkPercent int
	// Init lets the first backup make the repository, where it is proved that
	// there is none.
	Init bool

	// Rules say whose snapshots are that do not say so by their tags, and
	// Unattributed what the others mean. Default: attribution.Hold.
	Rules        attribution.Rules
	Unattributed attribution.Policy
	// Verify is what of each restored file is compared with the backup: sizes or
	// contents. Default: sizes.
	Verify string

	// JobTTL is how long a finished backup Job is kept for people to look at.
	JobTTL time.Duration
	// TestRoom is how much of a node's disk a restore test may take, in bytes.
	// Default: 20 GiB.
	TestRoom int64
	// JobDeadline ends Jobs that take longer. Default: 24 hours.
	JobDeadline time.Duration
	// JobNodeSelector is where Jobs may run, except those that must run beside
	// a pod which uses the claim.
	JobNodeSelector map[string]string
	// JobServiceAccount is the service account of Jobs; it must exist in each
	// namespace they run in. No token of it is mounted. Default: "default".
	JobServiceAccount string
	// JobSettings are what the operator settles for the pods of all movers.
	JobSettings moverjob.Settings
	// CAFile is a file of this process with the certificate authorities that movers
	// trust beside those of their image, read whenever a Job is made; "" adds none.
	CAFile string
}

// OwnImage as Image stands for Soteria's own image, which holds a restic of a
// version that Soteria was tested with.
const OwnImage = "self"

// DefaultTestRoom is the TestRoom where none is set.
const DefaultTestRoom = 20 << 30

// DefaultJobDeadline is the JobDeadline where none is set.
const DefaultJobDeadline = 24 * time.Hour

var (
	idPattern     = regexp.MustCompile(`^[0-9a-f]{64}$`)
	regionPattern = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
)

// Validate gives every mistake in the configuration, each an error of kind
// Invalid that begins with the environment variable at fault.
func (c Config) Validate() []error {
	var problems []error
	bad := func(variable, format string, args ...any) {
		problems = append(problems, backup.Errorf(backup.Invalid, variable+": "+format, args...))
	}
	if c.S3Endpoint != "" {
		if err := cli.CheckEndpoint(c.S3Endpoint); err != nil {
			bad("SOTERIA_S3_ENDPOINT", "%w", err)
		}
	}
	if _, err := cli.ParseLocation(c.Repository, c.S3Endpoint); err != nil {
		bad("SOTERIA_RESTIC_REPOSITORY", "%w", err)
	}
	if c.RepositoryID != "" && !idPattern.MatchString(c.RepositoryID) {
		bad("SOTERIA_RESTIC_REPOSITORY_ID", "%q is not a repository id: 64 hexadecimal digits, as `restic cat config` prints", c.RepositoryID)
	}
	if err := cmp.Or(c.Unattributed, attribution.Hold).Check(Strays.Unattributed); err != nil {
		problems = append(problems, err)
	}
	if c.S3Region != "" && !regionPattern.MatchString(c.S3Region) {
		bad("SOTERIA_S3_REGION", "%q is not the name of a region", c.S3Region)
	}
	if len(validation.IsDNS1123Subdomain(c.SecretName)) > 0 {
		bad("SOTERIA_RESTIC_SECRET_NAME", "%q is not the name of a Secret", c.SecretName)
	}
	if c.Image == "" || strings.ContainsAny(c.Image, " \t\n") {
		bad("SOTERIA_RESTIC_IMAGE", "%q is not the name of an image", c.Image)
	}
	if c.JobServiceAccount != "" && len(validation.IsDNS1123Subdomain(c.JobServiceAccount)) > 0 {
		bad("SOTERIA_JOB_SERVICE_ACCOUNT", "%q is not the name of a service account", c.JobServiceAccount)
	}
	for _, err := range checkArgs(c.BackupArgs, backupOptions) {
		bad("SOTERIA_RESTIC_BACKUP_ARGS", "%w", err)
	}
	for _, err := range checkArgs(c.ForgetArgs, forgetOptions) {
		bad("SOTERIA_RESTIC_FORGET_ARGS", "%w", err)
	}
	return problems
}
