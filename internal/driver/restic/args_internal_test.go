package restic

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/outcome"
)

func TestArgumentsThatAreAllowed(t *testing.T) {
	for name, args := range map[string][]string{
		"none":                              nil,
		"an exclusion":                      {"--exclude", "*.tmp"},
		"an exclusion in one word":          {"--exclude=*.tmp", "--iexclude=CACHE"},
		"a value that looks like an option": {"--exclude", "--repo"},
		"a letter with its value":           {"-e", "*.tmp", "-e*.log", "-e=x"},
		"letters behind one dash":           {"-xe", "*.tmp", "-xf"},
		"a switch":                          {"--one-file-system", "--exclude-caches=true"},
		"how S3 is talked to":               {"-o", "s3.connections=10", "--option=s3.bucket-lookup=path"},
		"an empty value":                    {"--exclude", ""},
		"a tag":                             {"--tag", "nightly", "--tag=site=home,rack=2"},
		"a tag that resembles Soteria's":    {"--tag", "my-namespace=x,namespaced,NAMESPACE=x,soteria"},
	} {
		t.Run(name, func(t *testing.T) { assert.Empty(t, checkArgs(args, backupOptions)) })
	}
	assert.Empty(t, checkArgs([]string{"--keep-daily", "7", "-w4", "-l", "3", "--keep-within=1y5m", "--prune", "--keep-tag", "keep"}, forgetOptions))
}

func TestArgumentsThatAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{"--repo", "/elsewhere"}, {"--repo=/elsewhere"}, {"-r", "/elsewhere"}, {"-r/elsewhere"}, {"-xr/elsewhere"},
		{"--repository-file", "/x"}, {"--password-file", "/x"}, {"-p", "/x"}, {"--password-command", "id"}, {"--key-hint", "x"},
		{"--insecure-no-password"}, {"--insecure-tls"}, {"--cacert", "/x"}, {"--tls-client-cert", "/x"},
		{"--option", "sftp.command=id"}, {"-o", "rclone.program=id"}, {"-orclone.program=id"}, {"-o=sftp.args=x"}, {"--option=s3.unsafe-anonymous-auth=true"}, {"-o", ""},
		{"--json"}, {"--quiet"}, {"--verbose"}, {"-v"}, {"-vv"}, {"--dry-run"}, {"-n"}, {"--no-lock"}, {"--skip-if-unchanged"},
		{"--tag", ""}, {"--tag="}, {"--tag", "x,"}, {"--tag=namespace=kube-system"}, {"--tag", "x,pvc=other"}, {"--tag", "x, cluster=attic"}, {"--tag=cluster="},
		{"--tag", "soteria=outcome"}, {"--tag", "soteria-unreviewed=2026-03-01T12:00:00Z"}, {"--tag", "capacity=1Ti"}, {"--tag", " namespace=x"},
		{"--tag", "storage-class=x"}, {"--tag", "access-mode=x"}, {"--tag"}, {"--tag", "a\nb"},
		{"--host", "x"}, {"-H", "x"}, {"--hostname", "x"}, {"--time", "x"}, {"--parent", "x"}, {"--group-by", "x"}, {"-g", "x"},
		{"--stdin"}, {"--stdin-filename", "x"}, {"--stdin-from-command"}, {"--files-from", "x"}, {"--files-from-raw", "x"}, {"--exclude-file", "x"}, {"--iexclude-file=x"},
		{"--"}, {"--", "/etc"}, {"-"}, {"/etc"}, {"etc"}, {""}, {"--exclude"}, {"-e"}, {"-xe"}, {"--one-file-system=maybe"},
		{"--exclude", "a\nb"}, {"--exclude=a\x00b"}, {"-ea\x1bb"}, {"--exclude-caches", "yes"}, {"--EXCLUDE", "x"}, {"--=x"}, {"--cache-dir", "/x"}, {"--no-such-option"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			problems := checkArgs(args, backupOptions)
			if assert.NotEmpty(t, problems) {
				assert.NotEmpty(t, problems[0].Error())
			}
		})
	}
	for _, args := range [][]string{{"--unsafe-allow-remove-all"}, {"--keep-none"}, {"--tag", "x"}, {"--host", "x"}, {"--path", "x"}, {"--group-by", ""}, {"--dry-run"}, {"-c"}, {"abcdef12"}, {"--exclude", "x"}} {
		t.Run("forget "+strings.Join(args, " "), func(t *testing.T) { assert.NotEmpty(t, checkArgs(args, forgetOptions)) })
	}
}

// FuzzArgs holds the check against the rule that it is for: whatever is accepted
// is made of allowed options and their values alone, read as pflag reads them.
func FuzzArgs(f *testing.F) {
	for _, seed := range []string{"--exclude\x1fx", "-xe\x1f--repo", "--exclude\x1f-r\x1f--repo=/x", "-o\x1fs3.connections=1\x1f-orclone.program=id"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, joined string) {
		args := strings.Split(joined, "\x1f")
		if len(checkArgs(args, backupOptions)) > 0 {
			return
		}
		for len(args) > 0 {
			word := args[0]
			args = args[1:]
			if strings.HasPrefix(word, "--") {
				name, _, hasValue := strings.Cut(word[2:], "=")
				takesValue, allowed := backupOptions.takesValue[name]
				assert.True(t, allowed, name)
				if takesValue && !hasValue {
					args = args[1:]
				}
				continue
			}
			assert.True(t, len(word) > 1 && word[0] == '-', word)
			for at, letter := range word[1:] {
				name, allowed := backupOptions.short[letter]
				assert.True(t, allowed, string(letter))
				if backupOptions.takesValue[name] {
					if word[1+at+1:] == "" {
						args = args[1:]
					}
					break
				}
			}
		}
	})
}

func TestEveryShortOptionHasALongOne(t *testing.T) {
	for _, o := range []options{backupOptions, forgetOptions} {
		for letter, name := range o.short {
			assert.Contains(t, o.takesValue, name, string(letter))
		}
	}
	assert.True(t, slices.IsSorted(backendOptions))
}

// TestATagOfTheOperatorsNeverChangesWhoseASnapshotIs draws tags that are accepted and
// holds what Soteria reads of them against what it reads without them.
func TestATagOfTheOperatorsNeverChangesWhoseASnapshotIs(t *testing.T) {
	words := rapid.SampledFrom([]string{"namespace=", "pvc=", "cluster=", "soteria=", "soteria-unreviewed=", "capacity=", "outcome", "expectations", "x", "a", " ", ",", "="})
	rapid.Check(t, func(t *rapid.T) {
		value := strings.Join(rapid.SliceOfN(words, 0, 6).Draw(t, "words"), "")
		if len(checkArgs([]string{"--tag", value}, backupOptions)) > 0 {
			return
		}
		own := []string{"namespace=a", "pvc=b", "cluster=home", "soteria-unreviewed"}
		all := slices.Clone(own)
		for tag := range strings.SplitSeq(value, ",") {
			all = append(all, strings.TrimSpace(tag)) // as restic reads the option
		}
		for _, host := range []string{"a/b", "soteria"} {
			before, after := snapshot{Host: host, Tags: own}, snapshot{Host: host, Tags: all}
			assert.Equal(t, claimsOf(own), claimsOf(all), value)
			assert.Equal(t, clusterOf(own), clusterOf(all), value)
			assert.Equal(t, before.isOwn(), after.isOwn(), value)
			assert.Equal(t, outcome.IsOwn(host, own), outcome.IsOwn(host, all), value)
			assert.Equal(t, backup.IsUnreviewed(own), backup.IsUnreviewed(all), value)
			assert.Equal(t, backup.Backup{Tags: own}.Described(), backup.Backup{Tags: all}.Described(), value)
		}
	})
}
