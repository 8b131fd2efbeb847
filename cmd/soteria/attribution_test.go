package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/catalog/ledger"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/kopia"
	"github.com/soteria-dr/soteria/internal/driver/kopia/kopiatest"
	"github.com/soteria-dr/soteria/internal/driver/restic"
)

func TestRulesAreCheckedWhereTheirDriverIsUsed(t *testing.T) {
	withRestic := map[string]string{"SOTERIA_BACKUP_DRIVER": "restic", "SOTERIA_RESTIC_REPOSITORY": "/srv/backups"}
	withS3 := map[string]string{
		"SOTERIA_RESTORE_DRIVERS": "s3", "SOTERIA_LOOKUP_S3_ENDPOINT": "https://s3.example.com", "SOTERIA_LOOKUP_S3_BUCKET": "volsync",
		"SOTERIA_LOOKUP_S3_ACCESS_KEY_ID": "id", "SOTERIA_LOOKUP_S3_SECRET_ACCESS_KEY": "key",
	}
	withKopia := map[string]string{"SOTERIA_RESTORE_DRIVERS": "kopia-fs", "SOTERIA_KOPIA_REPOSITORY_PATH": "/repository", "SOTERIA_KOPIA_PASSWORD": "x"}
	for name, test := range map[string]struct {
		env             map[string]string
		variable, value string
		says            string
	}{
		"a rule for restic":          {withRestic, "SOTERIA_RESTIC_ADOPT", "path=/data/{pvc}", "SOTERIA_RESTIC_ADOPT: rule \"path=/data/{pvc}\": no condition says what {namespace} is"},
		"what is foreign for restic": {withRestic, "SOTERIA_RESTIC_FOREIGN", "laptop", "SOTERIA_RESTIC_FOREIGN: rule \"laptop\""},
		"the policy for restic":      {withRestic, "SOTERIA_RESTIC_UNATTRIBUTED", "maybe", "SOTERIA_RESTIC_UNATTRIBUTED: \"maybe\" must be one of hold, ignore"},
		"a rule for Kopia":           {withKopia, "SOTERIA_KOPIA_ADOPT", "snapshot=x => a/b", "none of the keys user, host, path, tag"},
		"what is foreign for Kopia":  {withKopia, "SOTERIA_KOPIA_FOREIGN", "user={pvc}", "SOTERIA_KOPIA_FOREIGN: rule"},
		"the policy for Kopia":       {withKopia, "SOTERIA_KOPIA_UNATTRIBUTED", "no", "SOTERIA_KOPIA_UNATTRIBUTED: \"no\" must be one of"},
		"the layout of a bucket":     {withS3, "SOTERIA_LOOKUP_S3_LAYOUT", "{pvc}", "SOTERIA_LOOKUP_S3_LAYOUT: \"{pvc}\" is no layout"},
		"what is foreign in one":     {withS3, "SOTERIA_LOOKUP_S3_FOREIGN", "laptop", "SOTERIA_LOOKUP_S3_FOREIGN: rule"},
	} {
		t.Run(name, func(t *testing.T) {
			env := valid(test.env)
			_, err := readConfig(env)
			require.NoError(t, err)
			env[test.variable] = test.value
			_, err = readConfig(env)
			assert.ErrorContains(t, err, test.says)
			_, err = readConfig(map[string]string{
				"SOTERIA_LONGHORN_URL": "http://longhorn-backend.longhorn-system.svc:9500", "SOTERIA_RESTORE_DRIVERS": "longhorn", test.variable: test.value,
			})
			assert.NoError(t, err, "what concerns a driver counts only where it is used")
		})
	}
}

func TestAdoptIsADryRun(t *testing.T) {
	for name, args := range map[string][]string{
		"nothing":             {"adopt"},
		"a driver alone":      {"adopt", "restic"},
		"a driver of no rule": {"adopt", "--dry-run", "longhorn"},
		"too much":            {"adopt", "--dry-run", "restic", "host=a => a/b", "more"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := repositoryAct(args)
			assert.ErrorIs(t, err, errUsage)
		})
	}
	a, err := repositoryAct([]string{"adopt", "--dry-run"})
	require.NoError(t, err)
	assert.Equal(t, restic.Name, a.driver)
	a, err = repositoryAct([]string{"adopt", "--dry-run", "kopia-fs", "host=a => a/b"})
	require.NoError(t, err)
	assert.Equal(t, kopia.NameFS, a.driver)
	env := map[string]string{"SOTERIA_KOPIA_ADOPT": "host=b => a/b", "OTHER": "1"}
	assert.Equal(t, map[string]string{"SOTERIA_KOPIA_ADOPT": "host=a => a/b", "OTHER": "1"}, a.configured(env))
	assert.Equal(t, "host=b => a/b", env["SOTERIA_KOPIA_ADOPT"], "the environment itself is not changed")
}

// kopiaTools are tools on a Kopia repository with these settings more.
func kopiaTools(t *testing.T, repository *kopiatest.Repository, settings map[string]string) tools {
	t.Helper()
	env := map[string]string{
		"SOTERIA_RESTORE_DRIVERS": "kopia-fs", "SOTERIA_KOPIA_REPOSITORY_PATH": repository.Folder, "SOTERIA_KOPIA_PASSWORD": kopiatest.Password,
	}
	for name, value := range settings {
		env[name] = value
	}
	c, err := readConfig(valid(env))
	require.NoError(t, err)
	cluster := fake.NewClientBuilder().Build()
	lister, err := newLookup(c, kopia.NameFS, cluster)
	require.NoError(t, err)
	return tools{
		config: c, cluster: cluster, expectations: ledger.New(cluster, cluster, c.Namespace), accepted: ledger.NewAccepted(cluster, cluster, c.Namespace),
		listers: map[string]driver.Lister{kopia.NameFS: lister}, looked: []string{kopia.NameFS}, policy: c.policy(), now: time.Now,
		memory: ledger.NewExpectations(cluster, cluster, c.Namespace), unaccepted: ledger.NewUnaccepted(cluster, cluster, c.Namespace, time.Now),
	}
}

func TestAdoptShowsWhoWouldOwnWhat(t *testing.T) {
	repository := kopiatest.New(t)
	day := time.Date(2026, time.April, 12, 3, 0, 0, 0, time.UTC)
	repository.Backup(t, backup.Claim{Namespace: "shop", Name: "known"}, day)
	repository.Snapshot(t, "root@shop:/data/db", day)
	repository.Snapshot(t, "root@shop:/data/db", day.Add(time.Hour))
	repository.Snapshot(t, "me@laptop:/home/me", day)
	repository.Snapshot(t, "root@node-1:/srv", day)
	tools := kopiaTools(t, repository, map[string]string{
		"SOTERIA_KOPIA_ADOPT": "host={namespace},path=/data/{pvc}", "SOTERIA_KOPIA_FOREIGN": "host=laptop",
	})
	text, err := tools.adoptions(t.Context(), kopia.NameFS)
	require.NoError(t, err)
	assert.Equal(t, `BACKUPS  FROM                                 WOULD BE OF
1        user root, host node-1, path /srv    in doubt: no rule says
1        user me, host laptop, path /home/me  no claim
2        user root, host shop, path /data/db  shop/db`, text)

	only := kopiatest.New(t)
	only.Backup(t, backup.Claim{Namespace: "shop", Name: "known"}, day)
	text, err = kopiaTools(t, only, nil).adoptions(t.Context(), kopia.NameFS)
	require.NoError(t, err)
	assert.Equal(t, "every backup says by itself which claim it is of", text)
}

func TestAdoptTellsWhatRulesDisagreeOn(t *testing.T) {
	strays := []attribution.Stray{{ID: "a", Facts: attribution.Facts{"host": {"x"}}}}
	settled := collected{strays: []attribution.Stray{{ID: "a", Why: "two rules disagree"}}}
	assert.Contains(t, adoptionTable(strays, settled, restic.Strays), "in doubt: two rules disagree")
}

func TestAcceptTakesTheStraysThatAreThere(t *testing.T) {
	repository := kopiatest.New(t)
	repository.Snapshot(t, "me@laptop:/home/me", time.Date(2026, time.April, 12, 3, 0, 0, 0, time.UTC))
	tools := kopiaTools(t, repository, nil)
	text, err := acceptRepository(t.Context(), tools, kopia.NameFS, repository.ID, true)
	require.NoError(t, err)
	assert.Equal(t, "accepted "+repository.ID+", and 1 backups in it of which nothing says which claim they are of", text)
	found, err := tools.collect(t.Context(), tools.config, kopia.NameFS)
	require.NoError(t, err)
	require.Len(t, found.strays, 1)
	accepted, err := tools.accepted.Accepted(t.Context(), kopia.NameFS, repository.ID)
	require.NoError(t, err)
	assert.True(t, accepted.Has(found.strays[0].ID))
	expected, err := tools.expectations.Expectation(t.Context(), kopia.NameFS)
	require.NoError(t, err)
	assert.Equal(t, catalog.Expectation{Repository: repository.ID}, expected)
}
