package restic

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/outcome"
)

const (
	id1 = "f98d674c71035cbbbaad66aedb07eb31bc860c84f99dc8065f06b1be05d30f90"
	id2 = "d7a6495a55f7d35e87768a809b5b0c2805e1104e9bd14d30c83ee9a13ed3c46d"
)

// of016 and of019 are what the two versions print.
const (
	of016 = `[{"time":"2026-11-21T01:56:55.941742441Z","tree":"66","paths":["/data"],"hostname":"a/b","username":"root","tags":["namespace=a","pvc=b","x"],"program_version":"restic 0.16.4","id":"` + id1 + `","short_id":"f98d674c"}]` + "\n"
	of019 = `[{"time":"2026-11-21T02:56:55+01:00","parent":"66","tree":"66","paths":["/data"],"hostname":"a/b","tags":["namespace=a","pvc=b"],"program_version":"restic 0.19.1","summary":{"files_new":4,"total_files_processed":4,"total_bytes_processed":105857606},"id":"` + id2 + `","short_id":"d7a6495a"}]`
)

func readAll(t *testing.T, text string) ([]snapshot, error) {
	t.Helper()
	var all []snapshot
	err := readSnapshots(iotest.OneByteReader(strings.NewReader(text)), func(s snapshot) { all = append(all, s) })
	return all, err
}

func TestSnapshotsOfBothVersionsAreRead(t *testing.T) {
	old, err := readAll(t, of016)
	require.NoError(t, err)
	require.Len(t, old, 1)
	b := old[0].backups(backup.Clusters{}, claimsOf(old[0].Tags), nil, nil)
	require.Len(t, b, 1)
	assert.Equal(t, backup.Claim{Namespace: "a", Name: "b"}, b[0].Claim)
	assert.Equal(t, id1, b[0].ID)
	assert.Equal(t, "/data", b[0].Locator)
	assert.Equal(t, []string{"namespace=a", "pvc=b", "x"}, b[0].Tags)
	assert.Negative(t, b[0].SizeBytes)
	assert.Negative(t, b[0].Files)

	recent, err := readAll(t, of019)
	require.NoError(t, err)
	b = recent[0].backups(backup.Clusters{}, claimsOf(recent[0].Tags), nil, nil)
	assert.Equal(t, int64(105857606), b[0].SizeBytes)
	assert.Equal(t, int64(4), b[0].Files)

	assert.Equal(t, "restic 0.19.1", b[0].Tool)
	assert.Equal(t, backup.OutcomeUnknown, b[0].Outcome, "nothing recorded how it ended")

	none, err := readAll(t, "[]\n")
	require.NoError(t, err)
	assert.Empty(t, none)
}

func TestBackupsAreJoinedWithHowTheyEndedWhateverTheOrder(t *testing.T) {
	claim := backup.Claim{Namespace: "a", Name: "b"}
	made := func(id string) snapshot {
		return snapshot{ID: id, Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Host: "a/b", Tags: []string{"namespace=a", "pvc=b"}}
	}
	recorded := func(file, of string, change func(*outcome.Record)) snapshot {
		r := outcome.Record{Of: of, Claim: claim, Files: 3, Bytes: 42}
		change(&r)
		return snapshot{ID: file, Host: outcome.Host, Tags: r.Tags()}
	}
	id := func(digit string) string { return strings.Repeat(digit, 64) }
	retagged, measured, forged := made(id("3")), made(id("5")), made(id("6"))
	retagged.Original = id("2")
	measured.Summary = &summary{TotalFilesProcessed: 9, TotalBytesProcessed: 90}
	forged.Tags = append(forged.Tags, recorded("", id("7"), func(*outcome.Record) {}).Tags...)
	forged.Host = outcome.Host
	all := []snapshot{
		made(id("1")), recorded(id("a"), id("1"), func(r *outcome.Record) { r.Partial = true }),
		retagged, recorded(id("b"), id("2"), func(*outcome.Record) {}),
		made(id("4")), recorded(id("c"), id("4"), func(r *outcome.Record) { r.Void = true }), recorded(id("d"), id("4"), func(r *outcome.Record) { r.Accepted = true }),
		measured, recorded(id("e"), id("5"), func(r *outcome.Record) { r.Void = true }),
		forged, made(id("7")), recorded(id("f"), id("8"), func(*outcome.Record) {}),
	}
	want := map[string]backup.Backup{
		id("1"): {Outcome: backup.OutcomePartial, Files: 3, SizeBytes: 42, DataBytes: 42},
		id("3"): {Outcome: backup.OutcomeComplete, Files: 3, SizeBytes: 42, DataBytes: 42},
		id("4"): {Outcome: backup.OutcomeComplete, Files: 3, SizeBytes: 42, DataBytes: 42},
		id("5"): {Outcome: backup.OutcomeVoid, Files: 9, SizeBytes: 90, DataBytes: 90},
		id("6"): {Outcome: backup.OutcomeUnknown, Files: -1, SizeBytes: -1, DataBytes: -1},
		id("7"): {Outcome: backup.OutcomeUnknown, Files: -1, SizeBytes: -1, DataBytes: -1},
	}
	rapid.Check(t, func(t *rapid.T) {
		got := map[string]backup.Backup{}
		joined := newJoiner(Config{}, func(b backup.Backup) {
			got[b.ID] = backup.Backup{Outcome: b.Outcome, Files: b.Files, SizeBytes: b.SizeBytes, DataBytes: b.DataBytes}
		})
		for _, s := range rapid.Permutation(all).Draw(t, "order") {
			joined.add(s)
		}
		joined.end()
		require.Equal(t, want, got)
		require.Equal(t, []string{id("b")}, joined.filesOf(retagged))
		require.Empty(t, joined.filesOf(made(id("7"))))
	})
}

func TestAListThatIsNotWholeIsNoList(t *testing.T) {
	element := strings.Trim(strings.TrimSpace(of016), "[]")
	for name, text := range map[string]string{
		"nothing":              "",
		"null":                 "null",
		"an object":            "{}",
		"words":                "Fatal: no",
		"only a beginning":     "[",
		"cut in an element":    of016[:100],
		"cut after an element": "[" + element,
		"cut after a comma":    "[" + element + ",",
		"an open end":          "[" + element + "}",
		"two lists":            "[][]",
		"a list and words":     "[] repository is damaged",
		"a null element":       "[null]",
		"a number":             "[1]",
		"no id":                `[{"time":"2026-11-21T01:56:55Z"}]`,
		"a short id":           `[{"time":"2026-11-21T01:56:55Z","id":"f98d674c"}]`,
		"no time":              `[{"id":"` + id1 + `"}]`,
		"a time that is none":  `[{"time":"yesterday","id":"` + id1 + `"}]`,
		"an error message":     `{"message_type":"exit_error","code":10}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readAll(t, text)
			require.Error(t, err)
		})
	}
	for cut := range len(of016) - 2 {
		_, err := readAll(t, of016[:cut])
		require.Error(t, err, "cut after %d bytes", cut)
	}
}

func TestWhoseASnapshotIs(t *testing.T) {
	claim := func(text string) backup.Claim {
		namespace, name, _ := strings.Cut(text, "/")
		return backup.Claim{Namespace: namespace, Name: name}
	}
	for name, c := range map[string]struct {
		tags []string
		want []string
	}{
		"no tags":                           {nil, nil},
		"a namespace alone":                 {[]string{"namespace=a"}, nil},
		"a name alone":                      {[]string{"pvc=b"}, nil},
		"both":                              {[]string{"x", "pvc=b", "namespace=a", "pvc"}, []string{"a/b"}},
		"twice the same":                    {[]string{"namespace=a", "namespace=a", "pvc=b", "pvc=b"}, []string{"a/b"}},
		"several: every claim it may be of": {[]string{"namespace=a", "namespace=c", "pvc=b", "pvc=d"}, []string{"a/b", "a/d", "c/b", "c/d"}},
		"names that no claim can have":      {[]string{"namespace=A", "namespace=ok", "pvc=", "pvc=../x", "pvc=fine"}, []string{"ok/fine"}},
		"case matters":                      {[]string{"Namespace=a", "PVC=b"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var want []backup.Claim
			for _, text := range c.want {
				want = append(want, claim(text))
			}
			assert.Equal(t, want, claimsOf(c.tags))
		})
	}
}

func TestASnapshotThatCannotBeRestoredIsListedAsSuch(t *testing.T) {
	for says, paths := range map[string][]string{
		"it does not say which folder":                        nil,
		"it is of 2 paths (/a, /b), and which of them":        {"/a", "/b"},
		"it is of 4 paths (/a, /b, /c, …), and which of them": {"/a", "/b", "/c", "/d"},
		"it is of C:\\data, which is no folder of a Unix":     {"C:\\data"},
		"it is of /data/../etc, which is no folder":           {"/data/../etc"},
	} {
		s := snapshot{Paths: paths, Tags: []string{"namespace=a", "pvc=b"}}
		listed := s.backups(backup.Clusters{}, claimsOf(s.Tags), nil, nil)
		require.Len(t, listed, 1, "it exists all the same")
		assert.Contains(t, listed[0].Unrestorable, says)
	}
	s := snapshot{Paths: []string{"/data"}, Tags: []string{"namespace=a", "pvc=b"}}
	assert.Empty(t, s.backups(backup.Clusters{}, claimsOf(s.Tags), nil, nil)[0].Unrestorable)
}

func TestASnapshotOfSeveralFoldersHasNoLocator(t *testing.T) {
	assert.Empty(t, snapshot{Paths: []string{"/a", "/b"}}.locator())
	assert.Empty(t, snapshot{}.locator())
	assert.Equal(t, "/a", snapshot{Paths: []string{"/a"}}.locator())
}

func TestTagsOfACaller(t *testing.T) {
	claim := backup.Claim{Namespace: "apps", Name: "data"}
	tags, err := snapshotTags(claim, []string{"nightly", "release=1.2", "with space", "nightly", "pvc=data", "ünïcödé"})
	require.NoError(t, err)
	assert.Equal(t, []string{"namespace=apps", "pvc=data", "nightly", "release=1.2", "with space", "ünïcödé"}, tags)

	many := make([]string, 33)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	own := "soteria-unreviewed=2026-01-02T03:04:05Z"
	tags, err = snapshotTags(claim, append(many[:32:32], own))
	require.NoError(t, err, "Soteria's own tag takes no room of the caller's")
	assert.Contains(t, tags, own)
	for name, refused := range map[string][]string{
		"a comma":                {"a,b"},
		"a smuggled claim":       {"a,namespace=other"},
		"another namespace":      {"namespace=other"},
		"another name":           {"pvc=other"},
		"a namespace at all":     {"namespace="},
		"a line end":             {"a\nb"},
		"a null byte":            {"a\x00"},
		"an escape":              {"\x1b[31m"},
		"one of Soteria's own":   {"soteria=outcome"},
		"nothing":                {""},
		"too long":               {strings.Repeat("x", 129)},
		"too many":               many,
		"bytes that are no text": {"\xff\xfe"},
		"a space around it":      {" a"},
		"a tab around it":        {"a\u2028 "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := snapshotTags(claim, refused)
			require.Error(t, err)
			assert.Equal(t, backup.Invalid, backup.KindOf(err))
			assert.Equal(t, "tags", backup.FieldOf(err))
		})
	}
}

func FuzzTags(f *testing.F) {
	f.Add("nightly")
	f.Add("namespace=other")
	f.Add("a,pvc=x")
	f.Fuzz(func(t *testing.T, tag string) {
		claim := backup.Claim{Namespace: "apps", Name: "data"}
		tags, err := snapshotTags(claim, []string{tag})
		if err != nil {
			return
		}
		// As restic takes a --tag apart, the snapshot is still this claim's alone.
		var split []string
		for _, each := range tags {
			for part := range strings.SplitSeq(each, ",") {
				split = append(split, strings.TrimSpace(part))
			}
		}
		require.Equal(t, []backup.Claim{claim}, claimsOf(split))
	})
}

func FuzzSnapshots(f *testing.F) {
	f.Add(of016)
	f.Add(of019)
	f.Add("[]")
	f.Fuzz(func(t *testing.T, text string) {
		var read int
		err := readSnapshots(strings.NewReader(text), func(s snapshot) {
			read++
			claims, _ := Config{}.attribute(s)
			s.backups(backup.Clusters{}, claims, nil, nil)
		})
		if err != nil {
			return
		}
		// What was taken for whole is whole by another reading of it.
		var all []json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(text), &all))
		require.NotNil(t, all)
		require.Len(t, all, read)
	})
}

// FuzzClaimsOf reads tags that anyone may have written: a claim that they name is
// printed in commands for a person to run.
func FuzzClaimsOf(f *testing.F) {
	f.Add("apps", "data")
	f.Add("x; rm -rf /", "data")
	f.Add("apps", "$(reboot)")
	f.Add("apps", "data\nrm -rf /")
	f.Add("apps,kube-system", "--yes")
	f.Fuzz(func(t *testing.T, namespace, name string) {
		for _, claim := range claimsOf([]string{namespaceTag + namespace, pvcTag + name, pvcTag + "data"}) {
			require.NoError(t, claim.Validate())
		}
	})
}
