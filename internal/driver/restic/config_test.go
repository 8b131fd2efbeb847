package restic_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic"
)

func validConfig() restic.Config {
	return restic.Config{
		Repository: "s3:backups/cluster", S3Endpoint: "https://s3.example.com", S3Region: "eu-north-1",
		SecretName: "soteria-restic", SecretNamespace: "soteria-system", Namespace: "soteria-system",
		Image: "restic/restic:0.16.4", SoteriaImage: "soteria:test",
	}
}

func TestAGoodConfigurationHasNoProblems(t *testing.T) {
	assert.Empty(t, validConfig().Validate())
}

func TestEachMistakeNamesItsVariable(t *testing.T) {
	cases := map[string]struct {
		spoil    func(*restic.Config)
		variable string
	}{
		"no repository":              {func(c *restic.Config) { c.Repository = "" }, "SOTERIA_RESTIC_REPOSITORY"},
		"an unknown repository":      {func(c *restic.Config) { c.Repository = "sftp:host:/x" }, "SOTERIA_RESTIC_REPOSITORY"},
		"a password in the address":  {func(c *restic.Config) { c.Repository = "rest:http://me:hidden@rest/" }, "SOTERIA_RESTIC_REPOSITORY"},
		"an endpoint that is none":   {func(c *restic.Config) { c.S3Endpoint = "ftp://x"; c.Repository = "/srv" }, "SOTERIA_S3_ENDPOINT"},
		"a bucket without endpoint":  {func(c *restic.Config) { c.S3Endpoint = "" }, "SOTERIA_RESTIC_REPOSITORY"},
		"a short repository id":      {func(c *restic.Config) { c.RepositoryID = "f5f9035f" }, "SOTERIA_RESTIC_REPOSITORY_ID"},
		"a region that is none":      {func(c *restic.Config) { c.S3Region = "eu north" }, "SOTERIA_S3_REGION"},
		"a secret's name":            {func(c *restic.Config) { c.SecretName = "Not A Name" }, "SOTERIA_RESTIC_SECRET_NAME"},
		"no image":                   {func(c *restic.Config) { c.Image = "" }, "SOTERIA_RESTIC_IMAGE"},
		"a service account's name":   {func(c *restic.Config) { c.JobServiceAccount = "Nobody!" }, "SOTERIA_JOB_SERVICE_ACCOUNT"},
		"an argument for backups":    {func(c *restic.Config) { c.BackupArgs = []string{"--repo", "/elsewhere"} }, "SOTERIA_RESTIC_BACKUP_ARGS"},
		"an argument for forgetting": {func(c *restic.Config) { c.ForgetArgs = []string{"--tag", "x"} }, "SOTERIA_RESTIC_FORGET_ARGS"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			config := validConfig()
			c.spoil(&config)
			problems := config.Validate()
			require.NotEmpty(t, problems)
			for _, problem := range problems {
				assert.True(t, strings.HasPrefix(problem.Error(), c.variable+": "), problem.Error())
				assert.Equal(t, backup.Invalid, backup.KindOf(problem))
				assert.NotContains(t, problem.Error(), "hidden")
			}
		})
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	problems := errors.Join(restic.Config{S3Endpoint: "?", S3Region: "?", RepositoryID: "?", BackupArgs: []string{"-r", "x", "--json"}}.Validate()...).Error()
	for _, variable := range []string{
		"SOTERIA_RESTIC_REPOSITORY:", "SOTERIA_RESTIC_REPOSITORY_ID:", "SOTERIA_S3_ENDPOINT:", "SOTERIA_S3_REGION:",
		"SOTERIA_RESTIC_SECRET_NAME:", "SOTERIA_RESTIC_IMAGE:", "option -r is", "option --json is",
	} {
		assert.Contains(t, problems, variable)
	}
}

func TestADriverNeedsARepositoryThatItUnderstands(t *testing.T) {
	_, err := restic.New(restic.Config{Repository: "nowhere"}, restic.Cluster{})
	assert.Equal(t, backup.Invalid, backup.KindOf(err))
}
