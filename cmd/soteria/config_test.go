package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/driver"
)

// valid is the least that an installation has to say.
func valid(change map[string]string) map[string]string {
	env := map[string]string{
		"SOTERIA_BACKUP_DRIVER":     "restic",
		"SOTERIA_RESTIC_REPOSITORY": "s3:https://s3.example.com/backups",
	}
	maps.Copy(env, change)
	return env
}

func TestTheDefaults(t *testing.T) {
	c, err := readConfig(valid(nil))
	require.NoError(t, err)
	assert.Equal(t, ":8080", c.ListenAddr)
	assert.Equal(t, "soteria-restic", c.ResticSecretName)
	assert.Equal(t, "soteria-system", c.SecretNamespace, "the credentials are in Soteria's own namespace")
	assert.Equal(t, "restic/restic:0.16.4", c.ResticImage)
	assert.Equal(t, int32(86400), c.JobTTLSeconds)
	assert.Equal(t, "soteria-policies", c.PolicySecretName)
	assert.Equal(t, int32(300), c.PolicyEvalSeconds)
	assert.Equal(t, 4, c.BackupConcurrency)
	assert.Equal(t, 10, c.RestoreConcurrency)
	assert.Empty(t, c.EmptyProvisioners)
	assert.Equal(t, 2*time.Second, c.Freshness)
	assert.Equal(t, 503, c.ExistsUnknownStatus)
	assert.Equal(t, 24*time.Hour, c.inventory().MaxAge)
	assert.Equal(t, 300, c.MetricsRefreshSeconds)
	assert.False(t, c.signIn.Required)
	assert.False(t, c.signIn.ExistsRequired)
	assert.Equal(t, []string{"admin", "maintenance"}, c.signIn.AllowedGroups)
	assert.True(t, c.signIn.Proxies.Any())
	assert.Empty(t, c.signIn.Tokens)
	assert.False(t, c.policy().Required)
	assert.False(t, c.policy().DenyUnknown)
	assert.False(t, c.policy().CrossNamespace)
}

func TestValuesThatHoldSeveral(t *testing.T) {
	c, err := readConfig(valid(map[string]string{
		"SOTERIA_JOB_NODE_SELECTOR":  "disk=ssd, kubernetes.io/arch=amd64",
		"SOTERIA_RESTIC_BACKUP_ARGS": `--exclude "/data/lost files"`,
	}))
	require.NoError(t, err)
	settings := c.restic("image")
	assert.Equal(t, map[string]string{"disk": "ssd", "kubernetes.io/arch": "amd64"}, settings.JobNodeSelector)
	assert.Equal(t, []string{"--exclude", "/data/lost files"}, settings.BackupArgs)
}

func TestABackupIsVoidOnlyOnceMostOfItsDataIsGone(t *testing.T) {
	for guard, least := range map[string]int{"": 50, "0": 50, "20": 50, "80": 80, "100": 100} {
		env := map[string]string{}
		if guard != "" {
			env["SOTERIA_SHRINK_GUARD_PERCENT"] = guard
		}
		c, err := readConfig(valid(env))
		require.NoError(t, err)
		assert.Equal(t, least, c.restic("image").ShrinkPercent, "SOTERIA_SHRINK_GUARD_PERCENT=%s", guard)
	}
}

func TestWhichDriversAreUsed(t *testing.T) {
	const url, repository = "http://longhorn-backend.longhorn-system.svc:9500", "s3:https://s3.example.com/backups"
	for name, test := range map[string]struct {
		env              map[string]string
		longhorn, restic bool // used at all
		looked           []string
	}{
		"nothing is said: Longhorn":  {env: map[string]string{}, longhorn: true, looked: []string{"longhorn"}},
		"restic alone":               {env: map[string]string{"SOTERIA_BACKUP_DRIVER": "restic", "SOTERIA_RESTIC_REPOSITORY": repository}, restic: true, looked: []string{"restic"}},
		"Longhorn, and a repository": {env: map[string]string{"SOTERIA_RESTIC_REPOSITORY": repository}, longhorn: true, restic: true, looked: []string{"longhorn", "restic"}},
		"restic, and Longhorn's address": {
			env:      map[string]string{"SOTERIA_BACKUP_DRIVER": "restic", "SOTERIA_RESTIC_REPOSITORY": repository, "SOTERIA_LONGHORN_URL": url},
			longhorn: true, restic: true, looked: []string{"longhorn", "restic"},
		},
		"restic for backups and only Longhorn for restores": {
			env:      map[string]string{"SOTERIA_BACKUP_DRIVER": "restic", "SOTERIA_RESTIC_REPOSITORY": repository, "SOTERIA_RESTORE_DRIVERS": "longhorn"},
			longhorn: true, restic: true, looked: []string{"longhorn"},
		},
		"Longhorn alone, whatever else is set": {
			env: map[string]string{"SOTERIA_RESTIC_REPOSITORY": repository, "SOTERIA_RESTORE_DRIVERS": "longhorn"}, longhorn: true, looked: []string{"longhorn"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := readConfig(test.env)
			require.NoError(t, err)
			assert.Equal(t, test.longhorn, c.uses("longhorn"))
			assert.Equal(t, test.restic, c.uses("restic"))
			var looked []string
			for _, driver := range drivers {
				if c.looksAt(driver) {
					looked = append(looked, driver)
				}
			}
			assert.Equal(t, test.looked, looked)
		})
	}
}

func TestEachMistakeNamesItsVariable(t *testing.T) {
	cases := map[string]string{
		"SOTERIA_BACKUP_DRIVER":           "tape",
		"SOTERIA_RESTORE_DRIVERS":         "restic,tape",
		"SOTERIA_LONGHORN_URL":            "longhorn",
		"SOTERIA_RESTORE_MODE":            "maybe",
		"SOTERIA_ON_UNKNOWN":              "allow",
		"SOTERIA_CROSS_NAMESPACE":         "perhaps",
		"SOTERIA_EXISTS_UNKNOWN_STATUS":   "404",
		"SOTERIA_FRESHNESS":               "-1s",
		"SOTERIA_FIRST_CONSUMER_WAIT":     "-1s",
		"SOTERIA_REFRESH_INTERVAL":        "0s",
		"SOTERIA_LISTING_TIMEOUT":         "soon",
		"SOTERIA_LISTEN_ADDR":             "8080",
		"SOTERIA_LOG_LEVEL":               "loud",
		"SOTERIA_RESTIC_REPOSITORY":       "ftp://nowhere",
		"SOTERIA_RESTIC_REPOSITORY_ID":    "short",
		"SOTERIA_RESTIC_SECRET_NAME":      "Not A Name",
		"SOTERIA_SECRET_NAMESPACE":        "Not A Name",
		"SOTERIA_RESTIC_BACKUP_ARGS":      "--password-command steal",
		"SOTERIA_RESTIC_FORGET_ARGS":      `"unclosed`,
		"SOTERIA_AUTH_REQUIRED":           "perhaps",
		"SOTERIA_EXISTS_AUTH_REQUIRED":    "perhaps",
		"SOTERIA_TRUSTED_PROXIES":         "proxy.example.com",
		"SOTERIA_EXISTS_SERVICE_ACCOUNTS": "kyverno",
		"SOTERIA_ALLOWED_GROUPS":          " ; ",
		"SOTERIA_AUTH_BEARER_TOKENS":      "ci:hunter2!",
		"SOTERIA_POLICY_SECRET_NAME":      "Not A Name",
		"SOTERIA_POLICY_EVAL_SECONDS":     "0",
		"SOTERIA_BACKUP_CONCURRENCY":      "none",
		"SOTERIA_JOB_TTL_SECONDS":         "-1",
		"SOTERIA_SHRINK_GUARD_PERCENT":    "101",
		"SOTERIA_JOB_NODE_SELECTOR":       "ssd",
		"SOTERIA_RESTORE_TEST_ROOM":       "0",
		"SOTERIA_RESTORE_VERIFY":          "names",
		"SOTERIA_JOB_SERVICE_ACCOUNT":     "Not A Name",
		"SOTERIA_JOB_REQUESTS":            "cpu=lots",
		"SOTERIA_JOB_LIMITS":              "disk=5Gi",
		"SOTERIA_JOB_MAX_RESOURCES":       "cpu",
		"SOTERIA_JOB_DEADLINE":            "1s",
		"SOTERIA_JOB_MAX_DEADLINE":        "1h",
		"SOTERIA_JOB_START_TIMEOUT":       "0s",
		"SOTERIA_JOB_CACHE_SIZE":          "big",
		"SOTERIA_JOB_CACHE_FOLDER":        "/",
		"SOTERIA_JOB_CACHE_CLAIM":         "a claim",
		"SOTERIA_JOB_LABELS":              "team",
		"SOTERIA_JOB_ANNOTATIONS":         "note",
		"SOTERIA_JOB_PULL_SECRETS":        "Not A Name",
		"SOTERIA_JOB_PRIORITY_CLASS":      "Not A Name",
		"SOTERIA_JOB_CA_FILE":             "/nowhere/ca.crt",
		"SOTERIA_JOB_ENV":                 "HTTPS_PROXY=http://me:hunter2@proxy:3128",

		"SOTERIA_BACKUP_MAX_AGE_HOURS":    "NaN",
		"SOTERIA_METRICS_REFRESH_SECONDS": "0",
	}
	for variable, value := range cases {
		t.Run(variable, func(t *testing.T) {
			_, err := readConfig(valid(map[string]string{variable: value}))
			require.Error(t, err)
			assert.Contains(t, err.Error(), variable+": ")
			assert.NotContains(t, err.Error(), "hunter2", "mistakes in secrets are told without them")
		})
	}
}

func TestPoliciesAreNotKeptAmongCredentials(t *testing.T) {
	for _, taken := range []string{"soteria-restic", certificateSecret} {
		_, err := readConfig(valid(map[string]string{"SOTERIA_POLICY_SECRET_NAME": taken}))
		require.ErrorContains(t, err, "SOTERIA_POLICY_SECRET_NAME: ")
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	_, err := readConfig(map[string]string{
		"SOTERIA_RESTORE_MODE": "maybe", "SOTERIA_FRESHNESS": "soon", "SOTERIA_RESTORE_DRIVERS": "restic,tape", "SOTERIA_LONGHORN_BACKUP_MODE": "half",
	})
	require.Error(t, err)
	for _, variable := range []string{
		"SOTERIA_RESTORE_MODE", "SOTERIA_FRESHNESS", "SOTERIA_RESTORE_DRIVERS", "SOTERIA_RESTIC_REPOSITORY", "SOTERIA_LONGHORN_BACKUP_MODE",
	} {
		assert.Contains(t, err.Error(), variable+": ")
	}
}

func TestWhoMaySignIn(t *testing.T) {
	c, err := readConfig(valid(map[string]string{
		"SOTERIA_AUTH_REQUIRED": "true", "SOTERIA_TRUSTED_PROXIES": "10.42.0.0/16, 10.1.2.3", "SOTERIA_ALLOWED_GROUPS": "/ops;dba",
		"SOTERIA_AUTH_BEARER_TOKENS": "ci:0123456789abcdef,fedcba9876543210", "SOTERIA_AUTH_BEARER_TOKENS_FILE": "/nowhere/yet",
	}))
	require.NoError(t, err, "a file of tokens may come later")
	assert.True(t, c.signIn.Required)
	assert.False(t, c.signIn.ExistsRequired)
	assert.False(t, c.signIn.Proxies.Any())
	assert.Equal(t, []string{"ops", "dba"}, c.signIn.AllowedGroups)
	assert.Len(t, c.signIn.Tokens, 2)
	assert.NotContains(t, fmt.Sprintf("%+v %#v", c, c), "0123456789abcdef")
}

func TestWhatIsLeftOpenIsToldAtStart(t *testing.T) {
	warnings := func(env map[string]string) string {
		c, err := readConfig(valid(env))
		require.NoError(t, err)
		var log bytes.Buffer
		warnOfOpenDoors(c, slog.New(slog.NewTextHandler(&log, nil)))
		return log.String()
	}
	told := warnings(map[string]string{"SOTERIA_AUTH_BEARER_TOKENS_FILE": "/nowhere/yet"})
	for _, variable := range []string{"SOTERIA_AUTH_REQUIRED", "SOTERIA_TRUSTED_PROXIES", "SOTERIA_AUTH_BEARER_TOKENS_FILE"} {
		assert.Contains(t, told, variable)
	}
	short := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(short, []byte("one:hunter2\ntwo:0123456789abcdef\n"), 0o600))
	told = warnings(map[string]string{"SOTERIA_AUTH_BEARER_TOKENS": "ci:0123456789abcdef,hunter2", "SOTERIA_AUTH_BEARER_TOKENS_FILE": short})
	assert.Contains(t, told, "bearer token 2 of SOTERIA_AUTH_BEARER_TOKENS is shorter than 16 characters")
	assert.Contains(t, told, "bearer token 1 of SOTERIA_AUTH_BEARER_TOKENS_FILE is shorter than 16 characters")
	assert.Equal(t, 2, strings.Count(told, "is shorter than"))
	assert.NotContains(t, told, "hunter2")
	assert.Empty(t, warnings(map[string]string{"SOTERIA_AUTH_REQUIRED": "true", "SOTERIA_TRUSTED_PROXIES": "10.42.0.7"}))
}

func TestWhatMoversGetOfTheEnvironment(t *testing.T) {
	c, err := readConfig(valid(map[string]string{
		"SOTERIA_JOB_REQUESTS": "cpu=100m,memory=256Mi", "SOTERIA_JOB_LIMITS": "cpu=1, memory=4Gi", "SOTERIA_JOB_DEADLINE": "36h",
		"SOTERIA_JOB_PULL_SECRETS": "one,two", "SOTERIA_JOB_LABELS": "team=storage", "SOTERIA_JOB_ANNOTATIONS": `'note=a, b'`,
		"SOTERIA_JOB_ENV": "GODEBUG=x=1 http_proxy=http://other:1",
		"HTTP_PROXY":      "http://proxy:1", "HTTPS_PROXY": "http://proxy:2", "NO_PROXY": "10.0.0.0/8,.svc", "SSL_CERT_FILE": "/etc/ca.crt",
	}))
	require.NoError(t, err)
	s := c.restic("image").JobSettings
	assert.Equal(t, "4Gi", s.Resources.Limits.Memory().String())
	assert.Equal(t, "100m", s.Resources.Requests.Cpu().String())
	assert.Equal(t, 36*time.Hour, s.Deadline)
	assert.Equal(t, []string{"one", "two"}, s.PullSecrets)
	assert.Equal(t, map[string]string{"note": "a, b"}, s.Annotations)
	assert.Equal(t, map[string]string{
		"GODEBUG": "x=1", "http_proxy": "http://other:1", "HTTPS_PROXY": "http://proxy:2", "NO_PROXY": "10.0.0.0/8,.svc",
	}, s.Env, "what the replica reaches the world through holds for movers, unless they are told otherwise")
	assert.Equal(t, "/etc/ca.crt", c.restic("image").CAFile, "so does what it trusts")
}

func TestAProxyByItsLowerCaseNameHoldsForMovers(t *testing.T) {
	c, err := readConfig(valid(map[string]string{
		"http_proxy": "http://proxy:1", "https_proxy": "http://proxy:2", "no_proxy": ".svc", "HTTPS_PROXY": "http://upper:3",
	}))
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"HTTP_PROXY": "http://proxy:1", "HTTPS_PROXY": "http://upper:3", "NO_PROXY": ".svc"}, c.restic("image").JobSettings.Env)
	assert.Empty(t, c.keptBack)
}

func TestWhatMoversDoNotGetIsWarnedOf(t *testing.T) {
	for name, test := range map[string]struct {
		env  map[string]string
		says []string
	}{
		"a proxy with a password":                {map[string]string{"HTTPS_PROXY": "http://me:hunter2@proxy:3128"}, []string{"HTTPS_PROXY is not passed to movers", "SOTERIA_JOB_ENV"}},
		"one by its lower-case name":             {map[string]string{"https_proxy": "http://me:hunter2@proxy:3128"}, []string{"HTTPS_PROXY is not passed to movers", "SOTERIA_JOB_ENV"}},
		"not where movers have one of their own": {map[string]string{"HTTPS_PROXY": "http://me:hunter2@proxy:3128", "SOTERIA_JOB_ENV": "https_proxy=http://other:1"}, nil},
		"not where movers need none":             {map[string]string{"HTTPS_PROXY": "http://me:hunter2@proxy:3128", "SOTERIA_JOB_ENV": "HTTPS_PROXY="}, nil},
		"a folder of authorities":                {map[string]string{"SSL_CERT_DIR": "/etc/ours"}, []string{"SSL_CERT_DIR is not passed to movers", "SOTERIA_JOB_CA_FILE"}},
		"a folder beside a file":                 {map[string]string{"SSL_CERT_DIR": "/etc/ours", "SSL_CERT_FILE": "/etc/ca.crt"}, []string{"SSL_CERT_DIR is not passed to movers"}},
		"not a folder where a file is set":       {map[string]string{"SSL_CERT_DIR": "/etc/ours", "SOTERIA_JOB_CA_FILE": "config_test.go"}, nil},
		"nothing where nothing is kept back":     {map[string]string{"HTTPS_PROXY": "http://proxy:3128"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := readConfig(valid(test.env))
			require.NoError(t, err)
			var log bytes.Buffer
			b := &backends{
				backupers: map[string]driver.Backuper{}, fillers: map[string]driver.Filler{}, pruners: map[string]driver.Pruner{},
				testers: map[string]driver.Tester{}, copiers: map[string]copier{}, pins: map[string]string{},
			}
			require.NoError(t, b.addRestic(c, platform{image: "image", log: slog.New(slog.NewTextHandler(&log, nil))}))
			for _, words := range test.says {
				assert.Contains(t, log.String(), words)
			}
			if test.says == nil {
				assert.Empty(t, log.String())
			}
			assert.NotContains(t, log.String(), "hunter2")
		})
	}
}

func TestMoversGetNoPasswordAndNothingThatDecidesTheRepository(t *testing.T) {
	c, err := readConfig(valid(map[string]string{"HTTPS_PROXY": "http://me:hunter2@proxy:3128"}))
	require.NoError(t, err)
	assert.Empty(t, c.restic("image").JobSettings.Env)
	for _, env := range []string{"RESTIC_REPOSITORY=x", "AWS_ACCESS_KEY_ID=x", "LD_PRELOAD=x", "path=x", "SSL_CERT_FILE=x", "A-B=x"} {
		_, err := readConfig(valid(map[string]string{"SOTERIA_JOB_ENV": env}))
		assert.ErrorContains(t, err, "SOTERIA_JOB_ENV: ", env)
	}
}

func TestARequestAboveItsLimitIsAMistake(t *testing.T) {
	_, err := readConfig(valid(map[string]string{"SOTERIA_JOB_REQUESTS": "memory=2Gi", "SOTERIA_JOB_LIMITS": "memory=1Gi"}))
	assert.ErrorContains(t, err, "SOTERIA_JOB_REQUESTS: memory=2Gi is more than its limit of 1Gi")
}
