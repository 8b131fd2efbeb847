package restic_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/drivertest"
	"github.com/soteria-dr/soteria/internal/driver/restic"
	"github.com/soteria-dr/soteria/internal/driver/restic/outcome"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
)

// addTagged stores a snapshot of a host with these tags.
func addTagged(t *testing.T, r restictest.Repository, at time.Time, host string, tags ...string) string {
	t.Helper()
	args := []string{"--host", host, "--time", at.UTC().Format(time.DateTime)}
	for _, tag := range tags {
		args = append(args, "--tag", tag)
	}
	return r.Snapshot(t, t.TempDir(), args...)
}

func TestItForgetsAsADriverMust(t *testing.T) {
	for version, program := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			exe := program(t)
			seed := local(t, exe)
			id := seed.Init(t)
			drivertest.PrunerSuite{New: func(t *testing.T) drivertest.Forgetting {
				r := local(t, exe)
				require.NoError(t, os.CopyFS(r.Address, os.DirFS(seed.Address)))
				d := newDriver(t, exe, r.Address, fullSecret())
				return drivertest.Forgetting{
					Repository: drivertest.Repository{Lister: d, ID: id, Add: func(t *testing.T, claim backup.Claim, at time.Time) string {
						return add(t, r, claim, at)
					}},
					Pruner: d,
					AddForeign: func(t *testing.T, claim backup.Claim, at time.Time) []string {
						own := []string{"namespace=" + claim.Namespace, "pvc=" + claim.Name}
						return []string{
							addTagged(t, r, at, "laptop", own...),
							addTagged(t, r, at, claim.String(), append(own, "pvc=another")...),
							addTagged(t, r, at, claim.String(), append(own, "namespace=Not-One")...),
						}
					},
					Settle: func(*testing.T) {},
				}
			}}.Run(t)
		})
	}
}

func TestTheRecordOfABackupGoesWithItAndNoOther(t *testing.T) {
	for version, program := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			exe := program(t)
			r := local(t, exe)
			r.Init(t)
			record := func(of string, claim backup.Claim) string {
				return addTagged(t, r, then, outcome.Host, outcome.Record{Of: of, Claim: claim, Files: 1, Bytes: 2, Partial: true}.Tags()...)
			}
			old, newest, other := add(t, r, claim, then), add(t, r, claim, then.Add(time.Hour)), backup.Claim{Namespace: "apps", Name: "other"}
			others := add(t, r, other, then)
			gone := record(old, claim)
			stays := []string{newest, others, record(newest, claim), record(others, other)}

			d := newDriver(t, exe, r.Address, fullSecret())
			byID := map[string]backup.Backup{}
			_, err := d.List(t.Context(), drivertest.Each(func(b backup.Backup) { byID[b.ID] = b }))
			require.NoError(t, err)
			require.Len(t, byID, 3, "a record is nobody's backup")
			assert.Equal(t, backup.OutcomePartial, byID[old].Outcome)
			require.NoError(t, d.Forget(t.Context(), driver.ForgetRequest{Claim: claim, Backups: []backup.Backup{byID[old]}, Stays: byID[newest]}))

			left := string(r.Run(t, "snapshots", "--json"))
			for _, id := range stays {
				assert.Contains(t, left, `"id":"`+id)
			}
			assert.NotContains(t, left, `"id":"`+old)
			assert.NotContains(t, left, `"id":"`+gone)
		})
	}
}

// A stand-in for restic that holds what the test says, and notes how it was run.
func noting(t *testing.T, forgets string) (program, notes string) {
	t.Helper()
	program = wrapped(t, "", `
echo "$@" >> $0.notes
case "$1" in
snapshots) if [ -e $0.forgot ]; then echo "$(cat $0.after)"; else echo "$(cat $0.before)"; fi ;;
forget) touch $0.forgot; `+forgets+` ;;
esac`)
	before := "[" + snapshotJSON(newID, "apps/data") + "," + snapshotJSON(oldID, "apps/data") + "]"
	require.NoError(t, os.WriteFile(program+".before", []byte(before), 0o600))
	require.NoError(t, os.WriteFile(program+".after", []byte("["+snapshotJSON(newID, "apps/data")+"]"), 0o600))
	return program, program + ".notes"
}

var (
	newID = strings.Repeat("a", 64)
	oldID = strings.Repeat("b", 64)
)

func snapshotJSON(id, host string) string {
	return `{"time":"2026-01-02T03:04:05Z","hostname":"` + host + `","paths":["/data"],"tags":["namespace=apps","pvc=data"],"id":"` + id + `"}`
}

func forgetting(ids ...string) driver.ForgetRequest {
	req := driver.ForgetRequest{Claim: claim, Stays: backup.Backup{Claim: claim, ID: newID}}
	for _, id := range ids {
		req.Backups = append(req.Backups, backup.Backup{Claim: claim, ID: id})
	}
	return req
}

func TestOnlyWhatIsThereIsNamedToRestic(t *testing.T) {
	program, notes := noting(t, "")
	cluster := clusterWith(t, secretWith(fullSecret()))
	d, err := restic.New(restic.Config{
		Repository: filepath.Join(t.TempDir(), "repository"), SecretName: "soteria-restic", SecretNamespace: system, Namespace: system,
		Program: program, CacheDir: t.TempDir(),
		ForgetArgs: []string{"--prune", "--keep-daily", "7", "-l3", "-w", "4", "--max-unused=5%", "--limit-upload", "100", "-o", "s3.retries=3", "--retry-lock=2m", "--no-cache"},
	}, restic.Cluster{Client: cluster, Reader: cluster})
	require.NoError(t, err)
	gone := strings.Repeat("c", 64)
	require.NoError(t, d.Forget(t.Context(), forgetting(oldID, gone)))
	said, err := os.ReadFile(notes)
	require.NoError(t, err)
	assert.Equal(t, strings.Join([]string{
		"snapshots --json --no-lock --tag namespace=apps,pvc=data --tag soteria=outcome,claim=apps/data",
		"unlock",
		"forget --retry-lock 30s --limit-upload 100 -o s3.retries=3 --retry-lock=2m --no-cache -- " + oldID,
		"snapshots --json --no-lock --tag namespace=apps,pvc=data --tag soteria=outcome,claim=apps/data",
		"",
	}, "\n"), string(said))

	require.NoError(t, d.Forget(t.Context(), forgetting(oldID)), "it is gone already")
	said, err = os.ReadFile(notes)
	require.NoError(t, err)
	assert.Equal(t, 1, strings.Count(string(said), "forget "), "restic is not told to forget nothing, which would be another command")
}

func TestWhatRefusesToForgetIsAnError(t *testing.T) {
	cases := map[string]struct {
		forgets string
		kind    backup.Kind
		words   string
	}{
		"a backup runs": {`echo 'unable to create lock in backend: repository is already locked by PID 9 on apps by root' >&2; exit 11`,
			backup.Unavailable, "forgetting 1 backups of apps/data: restic: "},
		"restic fails":               {`echo 'Fatal: no' >&2; exit 1`, backup.Unavailable, "Fatal: no"},
		"the keys may not delete":    {`echo 'Remove(<snapshot/bbbbbbbbbb>) failed: Access Denied.' >&2; exit 3`, backup.Credentials, "Access Denied"},
		"restic says that it has,":   {`cp $0.before $0.after`, backup.DriverFailed, "which are still there"},
		"the list fails afterwards":  {`echo null > $0.after`, backup.Unavailable, "list of snapshots"},
		"the one that stays is gone": {`echo '[]' > $0.after`, backup.Conflict, "is to stay"},
	}
	for sentence, tc := range cases {
		t.Run(sentence, func(t *testing.T) {
			program, _ := noting(t, tc.forgets)
			d := newDriver(t, program, filepath.Join(t.TempDir(), "repository"), fullSecret())
			err := d.Forget(t.Context(), forgetting(oldID))
			require.Error(t, err)
			assert.Equal(t, tc.kind, backup.KindOf(err), "%v", err)
			assert.ErrorContains(t, err, tc.words)
			assert.NotContains(t, err.Error(), restictest.Password)
		})
	}
}

func TestNothingIsForgottenWithoutCredentialsOrAWholeList(t *testing.T) {
	program, notes := noting(t, "")
	err := newDriver(t, program, "/repository", nil).Forget(t.Context(), forgetting(oldID))
	assert.Equal(t, backup.Credentials, backup.KindOf(err), "%v", err)

	require.NoError(t, os.WriteFile(program+".before", []byte("["+snapshotJSON(newID, "apps/data")), 0o600))
	err = newDriver(t, program, "/repository", fullSecret()).Forget(t.Context(), forgetting(oldID))
	assert.Equal(t, backup.Unavailable, backup.KindOf(err), "%v", err)
	said, err := os.ReadFile(notes)
	require.NoError(t, err)
	assert.NotContains(t, string(said), "forget")
}

func TestABackupThatRunsKeepsForgettingAway(t *testing.T) {
	exe := restictest.Restic(t)
	r := local(t, exe)
	r.Init(t)
	old, newest := add(t, r, claim, then), add(t, r, claim, then.Add(time.Hour))
	// A backup holds its lock for as long as it reads from its standard input.
	held := restictest.Hold(t, r)
	cluster := clusterWith(t, secretWith(fullSecret()))
	d, err := restic.New(restic.Config{
		Repository: r.Address, SecretName: "soteria-restic", SecretNamespace: system, Namespace: system,
		Program: exe, CacheDir: t.TempDir(), ForgetArgs: []string{"--retry-lock", "0s"},
	}, restic.Cluster{Client: cluster, Reader: cluster})
	require.NoError(t, err)
	req := driver.ForgetRequest{Claim: claim, Backups: []backup.Backup{{Claim: claim, ID: old}}, Stays: backup.Backup{Claim: claim, ID: newest}}
	err = d.Forget(t.Context(), req)
	assert.Equal(t, backup.Unavailable, backup.KindOf(err), "%v", err)
	assert.ErrorContains(t, err, "lock")

	held()
	require.NoError(t, d.Forget(t.Context(), req))
}

func TestOptionsOfNoUseAreNamed(t *testing.T) {
	c := restic.Config{ForgetArgs: []string{"--prune", "-d", "7", "--limit-download=3", "--keep-tag", "x"}}
	assert.Equal(t, []string{"--prune", "--keep-daily", "--keep-tag"}, c.UnusedForgetArgs())
	assert.Empty(t, restic.Config{}.UnusedForgetArgs())
}
