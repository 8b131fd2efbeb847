package main

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-shellwords"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/soteria-dr/soteria/internal/kube/moverjob"
)

// JobConfig is what the environment says of the pods of movers: of backups,
// restores, tests and all else that runs in Jobs. It is exported for the library
// that reads it.
type JobConfig struct {
	JobRequests     string        `env:"SOTERIA_JOB_REQUESTS"`
	JobLimits       string        `env:"SOTERIA_JOB_LIMITS"`
	JobMaxResources string        `env:"SOTERIA_JOB_MAX_RESOURCES" envDefault:"cpu=8,memory=16Gi"`
	JobDeadline     time.Duration `env:"SOTERIA_JOB_DEADLINE" envDefault:"24h"`
	JobMaxDeadline  time.Duration `env:"SOTERIA_JOB_MAX_DEADLINE" envDefault:"168h"`
	JobStartTimeout time.Duration `env:"SOTERIA_JOB_START_TIMEOUT" envDefault:"10m"`
	JobCacheSize    string        `env:"SOTERIA_JOB_CACHE_SIZE"`
	JobCacheFolder  string        `env:"SOTERIA_JOB_CACHE_FOLDER"`
	JobCacheClaim   string        `env:"SOTERIA_JOB_CACHE_CLAIM"`
	JobLabels       string        `env:"SOTERIA_JOB_LABELS"`
	JobAnnotations  string        `env:"SOTERIA_JOB_ANNOTATIONS"`
	JobPullSecrets  []string      `env:"SOTERIA_JOB_PULL_SECRETS"`
	JobPriority     string        `env:"SOTERIA_JOB_PRIORITY_CLASS"`
	JobCAFile       string        `env:"SOTERIA_JOB_CA_FILE"`
	JobEnv          string        `env:"SOTERIA_JOB_ENV"`
	// What Soteria's own process reaches the world through, and trusts, holds for
	// movers, too, unless SOTERIA_JOB_ENV or SOTERIA_JOB_CA_FILE say otherwise.
	OwnHTTPProxy  string `env:"HTTP_PROXY"`
	OwnHTTPSProxy string `env:"HTTPS_PROXY"`
	OwnNoProxy    string `env:"NO_PROXY"`
	OwnCAFile     string `env:"SSL_CERT_FILE"`
	// Programs read these names, too, where the upper-case ones are not set.
	LowerHTTPProxy  string `env:"http_proxy"`
	LowerHTTPSProxy string `env:"https_proxy"`
	LowerNoProxy    string `env:"no_proxy"`
	OwnCAFolder     string `env:"SSL_CERT_DIR"`

	jobSettings moverjob.Settings
	// keptBack says what of the process' own proxy and authorities movers do not get.
	keptBack []string
}

// The shortest times that make sense: below them no Job can do anything.
const (
	minJobDeadline     = time.Minute
	minJobStartTimeout = time.Minute
)

// reservedEnv are beginnings of the names of variables that decide which
// repository is used and as whom, or which programs run.
var reservedEnv = []string{"RESTIC_", "AWS_", "B2_", "AZURE_", "GOOGLE_", "OS_", "ST_", "RCLONE_", "LD_", "SOTERIA_", "PATH", "HOME", "TMPDIR", "SSL_CERT_"}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// deriveJobs reads and checks the settings of movers.
func (c *config) deriveJobs() []error {
	var problems []error
	note := func(variable string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", variable, err))
		}
	}
	s := moverjob.Settings{
		Deadline: c.JobDeadline, MaxDeadline: c.JobMaxDeadline, PullSecrets: c.JobPullSecrets, PriorityClass: c.JobPriority,
	}
	var err error
	s.Resources.Requests, err = moverjob.ParseResources(c.JobRequests)
	note("SOTERIA_JOB_REQUESTS", err)
	s.Resources.Limits, err = moverjob.ParseResources(c.JobLimits)
	note("SOTERIA_JOB_LIMITS", err)
	note("SOTERIA_JOB_REQUESTS", requestsWithin(s.Resources))
	s.MaxResources, err = moverjob.ParseResources(c.JobMaxResources)
	note("SOTERIA_JOB_MAX_RESOURCES", err)
	s.CacheSize, err = parseSize(c.JobCacheSize)
	note("SOTERIA_JOB_CACHE_SIZE", err)
	s.Cache = moverjob.Cache{Folder: c.JobCacheFolder, Claim: c.JobCacheClaim, Namespace: c.Namespace}
	s.Labels, err = parseNodeSelector(c.JobLabels)
	note("SOTERIA_JOB_LABELS", err)
	s.Annotations, err = parsePairs(c.JobAnnotations, validAnnotation)
	note("SOTERIA_JOB_ANNOTATIONS", err)
	env, err := parsePairs(c.JobEnv, validEnv)
	note("SOTERIA_JOB_ENV", err)
	var proxies []string
	s.Env, proxies = c.withOwnProxy(env)
	c.jobSettings, c.keptBack = s, c.keepBack(proxies)
	return append(problems, c.checkJobs()...)
}

func (c *config) checkJobs() []error {
	var problems []error
	bad := func(variable, format string, args ...any) {
		problems = append(problems, fmt.Errorf(variable+": "+format, args...))
	}
	switch {
	case c.JobDeadline < minJobDeadline:
		bad("SOTERIA_JOB_DEADLINE", "%s must be at least %s", c.JobDeadline, minJobDeadline)
	case c.JobMaxDeadline < c.JobDeadline:
		bad("SOTERIA_JOB_MAX_DEADLINE", "%s must be no less than SOTERIA_JOB_DEADLINE, %s", c.JobMaxDeadline, c.JobDeadline)
	}
	if c.JobStartTimeout < minJobStartTimeout {
		bad("SOTERIA_JOB_START_TIMEOUT", "%s must be at least %s", c.JobStartTimeout, minJobStartTimeout)
	}
	if folder := c.JobCacheFolder; folder != "" && (!path.IsAbs(folder) || path.Clean(folder) != folder || folder == "/") {
		bad("SOTERIA_JOB_CACHE_FOLDER", "%q is not the path of a folder of its own, such as /var/lib/soteria/cache", folder)
	}
	if c.JobCacheClaim != "" && len(validation.IsDNS1123Subdomain(c.JobCacheClaim)) > 0 {
		bad("SOTERIA_JOB_CACHE_CLAIM", "%q is not the name of a claim", c.JobCacheClaim)
	}
	for _, name := range c.JobPullSecrets {
		if len(validation.IsDNS1123Subdomain(name)) > 0 {
			bad("SOTERIA_JOB_PULL_SECRETS", "%q is not the name of a Secret", name)
		}
	}
	if c.JobPriority != "" && len(validation.IsDNS1123Subdomain(c.JobPriority)) > 0 {
		bad("SOTERIA_JOB_PRIORITY_CLASS", "%q is not the name of a PriorityClass", c.JobPriority)
	}
	if file := c.JobCAFile; file != "" {
		if _, err := os.Stat(file); err != nil {
			bad("SOTERIA_JOB_CA_FILE", "%w; mount the ConfigMap or Secret with the certificates there", err)
		}
	}
	return problems
}

// jobCAFile is the file with the authorities that movers trust, "" for none
// beside those of their image.
func (c *config) jobCAFile() string { return cmp.Or(c.JobCAFile, c.OwnCAFile) }

// withOwnProxy adds the proxy of this process to a mover's variables, unless they
// name one. One with a password stays here: everyone who may see a Job could read
// it. It returns the names of those that stay, too.
func (c *config) withOwnProxy(env map[string]string) (with map[string]string, kept []string) {
	own := []struct{ name, value string }{
		{"HTTP_PROXY", cmp.Or(c.OwnHTTPProxy, c.LowerHTTPProxy)},
		{"HTTPS_PROXY", cmp.Or(c.OwnHTTPSProxy, c.LowerHTTPSProxy)},
		{"NO_PROXY", cmp.Or(c.OwnNoProxy, c.LowerNoProxy)},
	}
	for _, proxy := range own {
		_, upper := env[proxy.name]
		_, lower := env[strings.ToLower(proxy.name)]
		switch {
		case proxy.value == "" || upper || lower:
		case holdsPassword(proxy.value):
			kept = append(kept, proxy.name)
		default:
			if env == nil {
				env = map[string]string{}
			}
			env[proxy.name] = proxy.value
		}
	}
	return env, kept
}

// keepBack says what this process reaches the backups by and movers do not get, with
// the setting that has them get it: they would wait for a store that it reaches.
func (c *config) keepBack(proxies []string) []string {
	var kept []string
	for _, name := range proxies {
		kept = append(kept, fmt.Sprintf("%s is not passed to movers, since it holds a user name or a password, which everyone who may see a Job could read: "+
			"name a proxy that asks for none in SOTERIA_JOB_ENV, as in SOTERIA_JOB_ENV='%s=http://proxy:3128'; %s= (empty) there says that movers need none", name, name, name))
	}
	if c.OwnCAFolder != "" && c.JobCAFile == "" {
		kept = append(kept, "SSL_CERT_DIR is not passed to movers, since they do not have that folder: "+
			"put the certificate authorities that their backup store needs into one file (PEM), and name it in SOTERIA_JOB_CA_FILE")
	}
	return kept
}

// requestsWithin refuses a request above its limit, which the API server would
// refuse in each Job.
func requestsWithin(resources corev1.ResourceRequirements) error {
	for name, request := range resources.Requests {
		if limit, limited := resources.Limits[name]; limited && request.Cmp(limit) > 0 {
			return fmt.Errorf("%s=%s is more than its limit of %s", name, request.String(), limit.String())
		}
	}
	return nil
}

// parseSize reads a size such as 5Gi; "" is nil.
func parseSize(text string) (*resource.Quantity, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no size is an answer
	}
	size, err := resource.ParseQuantity(text)
	if err != nil || size.Sign() <= 0 {
		return nil, fmt.Errorf("%q is not a size such as 5Gi", text)
	}
	return &size, nil
}

// parsePairs reads words name=value, split as a shell would.
func parsePairs(text string, check func(name, value string) error) (map[string]string, error) {
	words, err := shellwords.Parse(text)
	if err != nil {
		return nil, err
	}
	var pairs map[string]string
	for _, word := range words {
		name, value, found := strings.Cut(word, "=")
		if !found {
			return nil, fmt.Errorf("%q is not of the form name=value", name)
		}
		if err := check(name, value); err != nil {
			return nil, err
		}
		if pairs == nil {
			pairs = map[string]string{}
		}
		pairs[name] = value
	}
	return pairs, nil
}

func validAnnotation(name, _ string) error {
	if len(validation.IsQualifiedName(name)) > 0 {
		return fmt.Errorf("%q is not the name of an annotation", name)
	}
	return nil
}

func validEnv(name, value string) error {
	reserved := slices.ContainsFunc(reservedEnv, func(prefix string) bool { return strings.HasPrefix(strings.ToUpper(name), prefix) })
	switch {
	case !envName.MatchString(name):
		return fmt.Errorf("%q is not the name of a variable", name)
	case reserved:
		return fmt.Errorf("%s may not be set here: it is Soteria's own, or decides which repository is used and as whom", name)
	case holdsPassword(value):
		return fmt.Errorf("the value of %s holds a password, which everyone who may see a Job could read", name)
	}
	return nil
}

// holdsPassword reports whether a value is an address with a password.
func holdsPassword(value string) bool {
	address, err := url.Parse(value)
	if err != nil {
		return strings.Contains(value, "@")
	}
	return address.User != nil
}
