package main

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/soteria-dr/soteria/internal/bucket"
)

// withBucket is the least that scanning a bucket takes.
func withBucket(change map[string]string) map[string]string {
	env := map[string]string{
		"SOTERIA_B2_ENABLED": "true", "SOTERIA_B2_ENDPOINT": "s3.us-west-004.backblazeb2.com",
		"SOTERIA_B2_BUCKET": "backups", "SOTERIA_B2_SECRET_NAME": "soteria-bucket",
	}
	maps.Copy(env, change)
	return valid(env)
}

func TestTheBucketsDefaults(t *testing.T) {
	c, err := readConfig(withBucket(nil))
	require.NoError(t, err)
	assert.Equal(t, 6*time.Hour, c.scanInterval)
	assert.Equal(t, "soteria-system", c.bucketStore().Namespace, "the Secret is in Soteria's own namespace")
	assert.Equal(t, bucket.Store{Endpoint: "s3.us-west-004.backblazeb2.com", Bucket: "backups"}, c.bucketStore().Store())

	c, err = readConfig(valid(nil))
	require.NoError(t, err)
	assert.False(t, c.B2Enabled)
}

func TestEachMistakeAboutTheBucketNamesItsVariable(t *testing.T) {
	mistakes := map[string]string{
		"SOTERIA_B2_ENDPOINT":           "ftp://nowhere",
		"SOTERIA_B2_BUCKET":             "a/b",
		"SOTERIA_B2_REGION":             "us west",
		"SOTERIA_B2_PREFIX":             "/a",
		"SOTERIA_B2_SECRET_NAME":        "Not A Name",
		"SOTERIA_B2_SCAN_INTERVAL":      "soon",
		"SOTERIA_B2_PRICE_PER_GB_MONTH": "cheap",
		"SOTERIA_B2_CURRENCY":           " ",
	}
	for variable, value := range mistakes {
		_, err := readConfig(withBucket(map[string]string{variable: value}))
		assert.ErrorContains(t, err, variable+": ")
	}
	_, err := readConfig(withBucket(mistakes))
	for variable := range mistakes {
		assert.ErrorContains(t, err, variable+": ", "all at once")
	}
	mistakes["SOTERIA_B2_ENABLED"] = "false"
	_, err = readConfig(withBucket(mistakes))
	assert.NoError(t, err, "what is switched off cannot be wrong")

	_, err = readConfig(withBucket(map[string]string{"SOTERIA_B2_SCAN_INTERVAL": "1s"}))
	assert.ErrorContains(t, err, "SOTERIA_B2_SCAN_INTERVAL: 1s must be at least 10s")
	_, err = readConfig(withBucket(map[string]string{"SOTERIA_B2_ENABLED": "maybe"}))
	assert.ErrorContains(t, err, "SOTERIA_B2_ENABLED: ")
}

func TestTheBucketsKeysDoNotPrint(t *testing.T) {
	c, err := readConfig(withBucket(map[string]string{
		"SOTERIA_B2_SECRET_NAME": "", "SOTERIA_B2_ACCESS_KEY_ID": "AKIDexample", "SOTERIA_B2_SECRET_ACCESS_KEY": "hush-hush",
	}))
	require.NoError(t, err)
	assert.Equal(t, "hush-hush", c.bucketStore().SecretAccessKey.Reveal())
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", c, c, c.bucketStore()), "hush-hush")
}

func TestSoteriaMayKeepWhatAScanFoundAndReadItAgain(t *testing.T) {
	var role rbacv1.Role
	readManifest(t, "role.yaml", &role)
	var verbs []string
	for _, rule := range role.Rules {
		if len(rule.ResourceNames) == 1 && rule.ResourceNames[0] == bucket.ConfigMap {
			verbs = rule.Verbs
		}
	}
	assert.Equal(t, []string{"get", "update"}, verbs)
}
