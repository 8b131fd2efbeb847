package main

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/mattn/go-shellwords"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
	"github.com/soteria-dr/soteria/internal/driver/restic"
	"github.com/soteria-dr/soteria/internal/httpapi"
	"github.com/soteria-dr/soteria/internal/kube"
	"github.com/soteria-dr/soteria/internal/mover"
	"github.com/soteria-dr/soteria/internal/secret"
	"github.com/soteria-dr/soteria/internal/signin"
	"github.com/soteria-dr/soteria/internal/skew"
)

// config is all that the environment settles. It is read once, at start.
type config struct {
	Namespace string `env:"POD_NAMESPACE" envDefault:"soteria-system"`
	PodName   string `env:"POD_NAME"`
	// Image is Soteria's own image, for the Jobs; empty: that of its own pod.
	Image      string     `env:"SOTERIA_IMAGE"`
	ListenAddr string     `env:"SOTERIA_LISTEN_ADDR" envDefault:":8080"`
	LogLevel   slog.Level `env:"SOTERIA_LOG_LEVEL" envDefault:"info"`

	BackupDriver        string        `env:"SOTERIA_BACKUP_DRIVER" envDefault:"longhorn"`
	RestoreDrivers      []string      `env:"SOTERIA_RESTORE_DRIVERS"`
	RestoreMode         string        `env:"SOTERIA_RESTORE_MODE" envDefault:"auto"`
	OnUnknown           string        `env:"SOTERIA_ON_UNKNOWN" envDefault:"hold"`
	CrossNamespace      bool          `env:"SOTERIA_CROSS_NAMESPACE"`
	FirstConsumerWait   time.Duration `env:"SOTERIA_FIRST_CONSUMER_WAIT" envDefault:"2m"`
	ExistsUnknownStatus int           `env:"SOTERIA_EXISTS_UNKNOWN_STATUS" envDefault:"503"`
	Freshness           time.Duration `env:"SOTERIA_FRESHNESS" envDefault:"2s"`
	RefreshInterval     time.Duration `env:"SOTERIA_REFRESH_INTERVAL" envDefault:"5m"`
	ListingTimeout      time.Duration `env:"SOTERIA_LISTING_TIMEOUT" envDefault:"2m"`

	BackupMaxAgeHours     float64       `env:"SOTERIA_BACKUP_MAX_AGE_HOURS" envDefault:"24"`
	MetricsRefreshSeconds int           `env:"SOTERIA_METRICS_REFRESH_SECONDS" envDefault:"300"`
	ShrinkGuardPercent    int           `env:"SOTERIA_SHRINK_GUARD_PERCENT" envDefault:"50"`
	AuthRequired          bool          `env:"SOTERIA_AUTH_REQUIRED"`
	ExistsAuthRequired    bool          `env:"SOTERIA_EXISTS_AUTH_REQUIRED"`
	TrustedProxies        string        `env:"SOTERIA_TRUSTED_PROXIES"`
	AllowedGroups         string        `env:"SOTERIA_ALLOWED_GROUPS" envDefault:"admin,maintenance"`
	AuthBearerTokens      secret.String `env:"SOTERIA_AUTH_BEARER_TOKENS"`
	AuthBearerTokensFile  string        `env:"SOTERIA_AUTH_BEARER_TOKENS_FILE"`
	ExistsTokenAudience   string        `env:"SOTERIA_EXISTS_TOKEN_AUDIENCE" envDefault:"kyverno-svc.kyverno.io"`
	ExistsServiceAccounts string        `env:"SOTERIA_EXISTS_SERVICE_ACCOUNTS" envDefault:"system:serviceaccount:kyverno:kyverno-admission-controller"`

	LonghornURL          string `env:"SOTERIA_LONGHORN_URL"`
	LonghornNamespace    string `env:"SOTERIA_LONGHORN_NAMESPACE"`
	LonghornBackupMode   string `env:"SOTERIA_LONGHORN_BACKUP_MODE"`
	LonghornBackupTarget string `env:"SOTERIA_LONGHORN_BACKUP_TARGET"`
	LonghornUnlabeled    string `env:"SOTERIA_LONGHORN_UNLABELED"`

	LonghornFreshness time.Duration `env:"SOTERIA_LONGHORN_FRESHNESS" envDefault:"30s"`

	LonghornIgnoreTargets []string `env:"SOTERIA_LONGHORN_IGNORE_TARGETS"`

	ResticRepository   string `env:"SOTERIA_RESTIC_REPOSITORY"`
	ResticRepositoryID string `env:"SOTERIA_RESTIC_REPOSITORY_ID"`
	ResticSecretName   string `env:"SOTERIA_RESTIC_SECRET_NAME" envDefault:"soteria-restic"`
	SecretNamespace    string `env:"SOTERIA_SECRET_NAMESPACE"`
	ResticImage        string `env:"SOTERIA_RESTIC_IMAGE" envDefault:"restic/restic:0.16.4"`
	ResticBackupArgs   string `env:"SOTERIA_RESTIC_BACKUP_ARGS"`
	ResticForgetArgs   string `env:"SOTERIA_RESTIC_FORGET_ARGS"`
	ResticInit         bool   `env:"SOTERIA_RESTIC_INIT"`
	RestoreTestRoom    string `env:"SOTERIA_RESTORE_TEST_ROOM" envDefault:"20Gi"`
	RestoreVerify      string `env:"SOTERIA_RESTORE_VERIFY" envDefault:"sizes"`
	S3Endpoint         string `env:"SOTERIA_S3_ENDPOINT"`
	S3Region           string `env:"SOTERIA_S3_REGION"`

	PolicySecretName  string `env:"SOTERIA_POLICY_SECRET_NAME" envDefault:"soteria-policies"`
	PolicyEvalSeconds int32  `env:"SOTERIA_POLICY_EVAL_SECONDS" envDefault:"300"`
	BackupConcurrency int    `env:"SOTERIA_BACKUP_CONCURRENCY" envDefault:"4"`

	JobTTLSeconds     int32  `env:"SOTERIA_JOB_TTL_SECONDS" envDefault:"86400"`
	JobNodeSelector   string `env:"SOTERIA_JOB_NODE_SELECTOR"`
	JobServiceAccount string `env:"SOTERIA_JOB_SERVICE_ACCOUNT"`

	BucketConfig
	LookupConfig
	ExpectConfig
	ChoiceConfig
	AttributionConfig
	JobConfig
	KeepConfig
	RestoreConfig

	// What is derived while reading.
	backupArgs   []string
	forgetArgs   []string
	nodeSelector map[string]string
	testRoom     int64
	signIn       signin.Config
	// clocks compares this process's clock with others'; nil before there are any.
	clocks *skew.Watch
}

// drivers are those that take backups and restore them.
var drivers = []string{longhorn.Name, restic.Name}

// uses reports whether a driver is configured: for backups, for restores or,
// where nothing says which are looked at for restores, by its settings.
func (c *config) uses(driver string) bool {
	if driver == c.BackupDriver || slices.Contains(c.RestoreDrivers, driver) {
		return true
	}
	if len(c.RestoreDrivers) > 0 {
		return false
	}
	return driver == longhorn.Name && c.LonghornURL != "" || driver == restic.Name && c.ResticRepository != ""
}

// looksAt reports whether a driver's backups are looked at for restores.
func (c *config) looksAt(driver string) bool {
	return c.uses(driver) && (len(c.RestoreDrivers) == 0 || slices.Contains(c.RestoreDrivers, driver))
}

// readConfig reads the environment. The error joins every mistake, each naming
// its variable.
func readConfig(environment map[string]string) (config, error) {
	var c config
	var problems []error
	if err := env.ParseWithOptions(&c, env.Options{Environment: withLevel(environment)}); err != nil {
		problems = append(problems, parseProblems(err)...)
	}
	if c.SecretNamespace == "" {
		c.SecretNamespace = c.Namespace
	}
	problems = append(problems, c.derive()...)
	problems = append(problems, c.deriveSignIn()...)
	problems = append(problems, c.check()...)
	return c, errors.Join(problems...)
}

// parseProblems turns the library's aggregate, which names Go fields, into one
// error per variable.
func parseProblems(err error) []error {
	var aggregate env.AggregateError
	if !errors.As(err, &aggregate) {
		return []error{err}
	}
	problems := make([]error, 0, len(aggregate.Errors))
	for _, each := range aggregate.Errors {
		var parse env.ParseError
		if errors.As(each, &parse) {
			each = fmt.Errorf("%s: %w", variableOf(parse.Name), parse.Err)
		}
		problems = append(problems, each)
	}
	return problems
}

// variableOf gives the environment variable that a field of config is read from.
func variableOf(field string) string {
	f, _ := reflect.TypeFor[config]().FieldByName(field)
	return f.Tag.Get("env")
}

// derive splits the values that hold several.
func (c *config) derive() []error {
	var problems []error
	split := func(variable, value string) []string {
		words, err := shellwords.Parse(value)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", variable, err))
		}
		return words
	}
	c.backupArgs = split("SOTERIA_RESTIC_BACKUP_ARGS", c.ResticBackupArgs)
	c.forgetArgs = split("SOTERIA_RESTIC_FORGET_ARGS", c.ResticForgetArgs)
	selector, err := parseNodeSelector(c.JobNodeSelector)
	if err != nil {
		problems = append(problems, fmt.Errorf("SOTERIA_JOB_NODE_SELECTOR: %w", err))
	}
	c.nodeSelector = selector
	problems = append(problems, c.deriveJobs()...)
	room, err := resource.ParseQuantity(c.RestoreTestRoom)
	if err != nil || room.Sign() <= 0 {
		problems = append(problems, fmt.Errorf("SOTERIA_RESTORE_TEST_ROOM: %q is not a size such as 20Gi", c.RestoreTestRoom))
	}
	c.testRoom = room.Value()
	if c.RestoreVerify != mover.VerifySizes && c.RestoreVerify != mover.VerifyContents {
		problems = append(problems, fmt.Errorf("SOTERIA_RESTORE_VERIFY: %q is neither %s nor %s", c.RestoreVerify, mover.VerifySizes, mover.VerifyContents))
	}
	return problems
}

func (c *config) check() []error {
	var problems []error
	bad := func(variable, format string, args ...any) {
		problems = append(problems, fmt.Errorf("%s: %s", variable, fmt.Sprintf(format, args...)))
	}
	oneOf := func(variable, value string, allowed ...string) {
		if !slices.Contains(allowed, value) {
			bad(variable, "%q must be one of %s", value, strings.Join(allowed, ", "))
		}
	}
	oneOf("SOTERIA_RESTORE_MODE", c.RestoreMode, "auto", "required")
	oneOf("SOTERIA_ON_UNKNOWN", c.OnUnknown, "hold", "deny")
	oneOf("SOTERIA_BACKUP_DRIVER", c.BackupDriver, drivers...)
	for _, name := range c.RestoreDrivers {
		oneOf("SOTERIA_RESTORE_DRIVERS", name, slices.Concat(drivers, lookups)...)
	}
	if c.ExistsUnknownStatus != 200 && c.ExistsUnknownStatus != 503 {
		bad("SOTERIA_EXISTS_UNKNOWN_STATUS", "%d must be 503, or 200 for callers that fail open", c.ExistsUnknownStatus)
	}
	if _, _, err := net.SplitHostPort(c.ListenAddr); err != nil {
		bad("SOTERIA_LISTEN_ADDR", "%q must be of the form [host]:port", c.ListenAddr)
	}
	for variable, value := range map[string]string{"POD_NAMESPACE": c.Namespace, "SOTERIA_SECRET_NAMESPACE": c.SecretNamespace} {
		if len(validation.IsDNS1123Label(value)) > 0 {
			bad(variable, "%q is not a namespace name", value)
		}
	}
	for variable, value := range map[string]time.Duration{"SOTERIA_REFRESH_INTERVAL": c.RefreshInterval, "SOTERIA_LISTING_TIMEOUT": c.ListingTimeout} {
		if value <= 0 {
			bad(variable, "%s must be more than zero", value)
		}
	}
	notNegative(bad, map[string]time.Duration{"SOTERIA_FIRST_CONSUMER_WAIT": c.FirstConsumerWait, "SOTERIA_FRESHNESS": c.Freshness, "SOTERIA_LONGHORN_FRESHNESS": c.LonghornFreshness})
	if c.ShrinkGuardPercent < 0 || c.ShrinkGuardPercent > 100 {
		bad("SOTERIA_SHRINK_GUARD_PERCENT", "%d must be from 0 to 100", c.ShrinkGuardPercent)
	}
	if c.JobTTLSeconds < 0 {
		bad("SOTERIA_JOB_TTL_SECONDS", "%d must not be negative", c.JobTTLSeconds)
	}
	problems = append(problems, c.checkInventory()...)
	problems = append(problems, c.checkPolicies()...)
	problems = append(problems, c.checkChoice()...)
	problems = append(problems, c.deriveKeep()...)
	problems = append(problems, c.checkRestores()...)
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	if c.uses(longhorn.Name) {
		problems = append(problems, c.longhorn().Validate()...)
	}
	if c.uses(restic.Name) {
		problems = append(problems, c.restic("").Validate()...)
	}
	problems = append(problems, c.checkBucket()...)
	problems = append(problems, c.checkLookups()...)
	problems = append(problems, c.checkExpect()...)
	problems = append(problems, c.deriveAttribution()...)
	return problems
}

func notNegative(bad func(variable, format string, args ...any), values map[string]time.Duration) {
	for variable, value := range values {
		if value < 0 {
			bad(variable, "%s must not be negative", value)
		}
	}
}

// checkPolicies checks what concerns backups that are taken by themselves.
func (c *config) checkPolicies() []error {
	var problems []error
	switch name := c.PolicySecretName; {
	case len(validation.IsDNS1123Subdomain(name)) > 0:
		problems = append(problems, fmt.Errorf("SOTERIA_POLICY_SECRET_NAME: %q is not a Secret's name", name))
	case name == certificateSecret, name == c.ResticSecretName:
		problems = append(problems, fmt.Errorf("SOTERIA_POLICY_SECRET_NAME: Secret %q holds something else already", name))
	}
	if c.PolicyEvalSeconds < 1 {
		problems = append(problems, fmt.Errorf("SOTERIA_POLICY_EVAL_SECONDS: %d must be at least 1", c.PolicyEvalSeconds))
	}
	if c.BackupConcurrency < 1 {
		problems = append(problems, fmt.Errorf("SOTERIA_BACKUP_CONCURRENCY: %d must be at least 1", c.BackupConcurrency))
	}
	return problems
}

// catalog gives its settings, as far as the environment has any.
func (c *config) catalog() catalog.Config {
	settings := catalog.DefaultConfig()
	settings.Freshness = c.Freshness
	settings.Bounds = map[string]time.Duration{longhorn.Name: c.LonghornFreshness}
	settings.RefreshInterval = c.RefreshInterval
	settings.ListingTimeout = c.ListingTimeout
	settings.Expect, settings.Without = c.expect, c.RestoreWithout
	settings.Clusters, settings.Counts = c.clusters(), c.expected()
	settings.Unlisted = slices.DeleteFunc(slices.Concat(drivers, lookups), c.looksAt)
	settings.Taking = slices.DeleteFunc(slices.Clone(drivers), func(name string) bool { return c.looksAt(name) || !c.uses(name) })
	return settings
}

// http gives the HTTP server's settings.
func (c *config) http() httpapi.Config {
	settings := httpapi.DefaultConfig()
	settings.Addr = c.ListenAddr
	settings.UnknownStatus = c.ExistsUnknownStatus
	settings.LookupBudget = c.ExistsTimeout
	settings.RestoreRequired = c.policy().Required
	return settings
}

// longhorn gives the driver's settings.
func (c *config) longhorn() longhorn.Config {
	return longhorn.Config{
		URL:          c.LonghornURL,
		Namespace:    c.LonghornNamespace,
		BackupMode:   longhorn.BackupMode(c.LonghornBackupMode),
		BackupTarget: c.LonghornBackupTarget,
		Unlabeled:    longhorn.Unlabeled(c.LonghornUnlabeled),
		OwnNamespace: c.Namespace,
		Clusters:     c.clusters(),
		Deadline:     c.JobDeadline,

		IgnoreTargets: c.LonghornIgnoreTargets,
	}
}

// leastLoss is how much of a claim's data must be gone, in percent, for its backup
// not to count, however strict the guard of old backups is.
const leastLoss = 50

// restic gives the driver's settings; soteriaImage is what Jobs take the soteria
// binary from.
func (c *config) restic(soteriaImage string) restic.Config {
	return restic.Config{
		Repository:        c.ResticRepository,
		RepositoryID:      c.ResticRepositoryID,
		SecretName:        c.ResticSecretName,
		SecretNamespace:   c.SecretNamespace,
		Namespace:         c.Namespace,
		Clusters:          c.clusters(),
		Image:             c.ResticImage,
		SoteriaImage:      soteriaImage,
		BackupArgs:        c.backupArgs,
		ForgetArgs:        c.forgetArgs,
		ShrinkPercent:     max(leastLoss, c.ShrinkGuardPercent),
		Init:              c.ResticInit,
		Rules:             c.resticRules,
		Unattributed:      c.ResticUnattributed,
		S3Endpoint:        c.S3Endpoint,
		S3Region:          c.S3Region,
		TestRoom:          c.testRoom,
		Verify:            c.RestoreVerify,
		JobTTL:            time.Duration(c.JobTTLSeconds) * time.Second,
		JobNodeSelector:   maps.Clone(c.nodeSelector),
		JobServiceAccount: c.JobServiceAccount,
		JobSettings:       c.jobSettings,
		CAFile:            c.jobCAFile(),
	}
}

// policy gives what holds for all claims.
func (c *config) policy() kube.Policy {
	return kube.Policy{
		OwnNamespace:   c.Namespace,
		Required:       c.RestoreMode == "required",
		CrossNamespace: c.CrossNamespace,
		// A lock cannot be handed on to a populator once more is known.
		DenyUnknown: c.OnUnknown == "deny" || c.RestoreRef != "",
		LookedUp:    c.lookedUp(),
		Populators:  c.populators,
		Rules:       c.rules,
	}
}

// parseNodeSelector reads "key=value,key=value".
func parseNodeSelector(list string) (map[string]string, error) {
	selector := map[string]string{}
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		key, value, found := strings.Cut(entry, "=")
		if !found || len(validation.IsQualifiedName(key)) > 0 || len(validation.IsValidLabelValue(value)) > 0 {
			return nil, backup.Errorf(backup.Invalid, "%q is not of the form key=value with a label's key and value", entry)
		}
		selector[key] = value
	}
	return selector, nil
}
