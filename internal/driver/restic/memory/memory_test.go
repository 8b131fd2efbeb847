package memory_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/driver/restic/memory"
	"github.com/soteria-dr/soteria/internal/driver/restic/note"
	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/expectation"
	"github.com/soteria-dr/soteria/internal/secret"
)

var then = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func repository(t *testing.T, program string) (restictest.Repository, cli.Program) {
	t.Helper()
	r := restictest.Repository{Restic: program, Address: filepath.Join(t.TempDir(), "repository"), CacheDir: t.TempDir()}
	r.Init(t)
	return r, open(t, r, restictest.Password)
}

func open(t *testing.T, r restictest.Repository, password string) cli.Program {
	t.Helper()
	return cli.Program{
		Path: r.Restic, Location: cli.Location{Kind: cli.Local, Text: r.Address}, CacheDir: t.TempDir(),
		Credentials: cli.Credentials{cli.KeyPassword: secret.New(password)},
	}
}

// claims remembers, of each claim named, a backup so many hours after then.
func claims(hours map[string]int) expectation.Claims {
	c := expectation.Claims{}
	for name, h := range hours {
		at := then.Add(time.Duration(h) * time.Hour)
		c[backup.Claim{Namespace: "apps", Name: name}] = expectation.Record{Newest: at, ID: name, SeenAt: at.Truncate(24 * time.Hour), Count: 1}
	}
	return c
}

func owner(cluster, instance string) memory.Owner {
	return memory.Owner{Cluster: cluster, Instance: instance}
}

func write(t *testing.T, restic cli.Runner, o memory.Owner, c expectation.Claims) memory.Written {
	t.Helper()
	written, err := memory.Write(t.Context(), restic, o, c, time.Now())
	require.NoError(t, err)
	require.NoError(t, written.Untidy)
	return written
}

func read(t *testing.T, restic cli.Runner, cluster string) expectation.Claims {
	t.Helper()
	got, err := new(memory.Reader).Read(t.Context(), restic, only(cluster))
	require.NoError(t, err)
	return got[cluster]
}

// only wants the copies of these clusters.
func only(clusters ...string) func(string) bool {
	return func(cluster string) bool { return slices.Contains(clusters, cluster) }
}

func TestACopyIsTheUnionOfAllThatWasEverWritten(t *testing.T) {
	for version, program := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			r, restic := repository(t, program(t))
			assert.Empty(t, read(t, restic, "home"), "a repository without a copy, which was listed well")

			write(t, restic, owner("home", "a"), claims(map[string]int{"db": 1, "files": 1}))
			// The cluster is rebuilt and knows less, and something newer.
			write(t, restic, owner("home", "b"), claims(map[string]int{"db": 2}))
			assert.Equal(t, claims(map[string]int{"db": 2, "files": 1}), read(t, restic, "home"))

			// What was accepted or forgotten prevails over what the copy remembers.
			files := backup.Claim{Namespace: "apps", Name: "files"}
			settled := expectation.Claims{files: claims(map[string]int{"files": 1})[files].Settle(nil, then)}
			write(t, restic, owner("home", "b"), settled)
			assert.Equal(t, settled[files], read(t, restic, "home")[files])
			r.Run(t, "check", "--read-data")
		})
	}
}

func TestACopyThatHoldsAllOfItIsNotWrittenAgain(t *testing.T) {
	_, restic := repository(t, restictest.Restic(t))
	first := write(t, restic, owner("home", "a"), claims(map[string]int{"db": 1, "files": 1}))
	again := write(t, restic, owner("home", "a"), claims(map[string]int{"db": 1}))
	assert.Equal(t, first, again)
	assert.Equal(t, 2, again.Claims)
	other := write(t, restic, owner("home", "b"), claims(map[string]int{"db": 1}))
	assert.NotEqual(t, first.ID, other.ID, "another installation shows that it is alive")
}

func TestCopiesOfSeveralClustersAreReadApart(t *testing.T) {
	_, restic := repository(t, restictest.Restic(t))
	write(t, restic, owner("", "a"), claims(map[string]int{"old": 1}))
	write(t, restic, owner("home", "b"), claims(map[string]int{"db": 1}))
	write(t, restic, owner("work", "c"), claims(map[string]int{"files": 1}))
	old, home, work := claims(map[string]int{"old": 1}), claims(map[string]int{"db": 1}), claims(map[string]int{"files": 1})
	var reader memory.Reader
	for _, test := range []struct {
		wanted []string
		want   expectation.Copies
	}{
		{wanted: []string{"home", ""}, want: expectation.Copies{"home": home, "": old}},
		{wanted: []string{"home"}, want: expectation.Copies{"home": home}},
		{wanted: []string{"", "work", "home"}, want: expectation.Copies{"home": home, "work": work, "": old}},
		{wanted: []string{"attic"}, want: expectation.Copies{}},
	} {
		got, err := reader.Read(t.Context(), restic, only(test.wanted...))
		require.NoError(t, err)
		assert.Equal(t, test.want, got)
	}
}

// held runs restic, and holds each listing's result back until all of several
// writers have theirs.
type held struct {
	cli.Runner
	together *sync.WaitGroup
}

func (h held) Run(ctx context.Context, in cli.Invocation) error {
	err := h.Runner.Run(ctx, in)
	if in.Args[0] == "snapshots" {
		h.together.Done()
		h.together.Wait()
	}
	return err
}

func TestTwoWritersAtOnceLoseNothing(t *testing.T) {
	for version, program := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			r, restic := repository(t, program(t))
			write(t, restic, owner("home", "a"), claims(map[string]int{"db": 1}))
			var listed, done sync.WaitGroup
			listed.Add(2)
			for _, name := range []string{"one", "two"} {
				done.Go(func() {
					_, err := memory.Write(t.Context(), held{restic, &listed}, owner("home", "a"), claims(map[string]int{name: 1}), then)
					assert.NoError(t, err)
				})
			}
			done.Wait()
			all := claims(map[string]int{"db": 1, "one": 1, "two": 1})
			notes, err := note.List(t.Context(), restic, note.Expectations)
			require.NoError(t, err)
			require.Len(t, note.Heads(notes), 2, "neither saw the other's")
			assert.Equal(t, all, read(t, restic, "home"))

			write(t, restic, owner("home", "a"), claims(map[string]int{"three": 1}))
			notes, err = note.List(t.Context(), restic, note.Expectations)
			require.NoError(t, err)
			require.Len(t, note.Heads(notes), 1, "the next one joins them")
			all = expectation.Union(all, claims(map[string]int{"three": 1}))
			assert.Equal(t, all, read(t, restic, "home"))
			r.Run(t, "check")
		})
	}
}

// killed runs restic, and kills it once a backup has begun to write.
type killed struct {
	cli.Program
	repository string
}

func (k killed) Run(ctx context.Context, in cli.Invocation) error {
	if in.Args[0] != "backup" {
		return k.Program.Run(ctx, in)
	}
	ctx, kill := context.WithCancel(ctx)
	defer kill()
	go func() {
		for ctx.Err() == nil {
			if locks, _ := filepath.Glob(filepath.Join(k.repository, "locks", "*")); len(locks) > 0 {
				kill()
			}
		}
	}()
	return k.Program.Run(ctx, in)
}

func TestAWriterThatIsKilledLeavesTheRepositoryAsItWas(t *testing.T) {
	for version, program := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			r, restic := repository(t, program(t))
			write(t, restic, owner("home", "a"), claims(map[string]int{"db": 1}))
			_, err := memory.Write(t.Context(), killed{restic, r.Address}, owner("home", "a"), claims(map[string]int{"files": 1}), then)
			require.Error(t, err)
			locks, err := filepath.Glob(filepath.Join(r.Address, "locks", "*"))
			require.NoError(t, err)
			assert.NotEmpty(t, locks, "it was killed while it wrote")

			assert.Equal(t, claims(map[string]int{"db": 1}), read(t, restic, "home"))
			r.Run(t, "unlock")
			r.Run(t, "check")
			write(t, restic, owner("home", "a"), claims(map[string]int{"files": 2}))
			assert.Equal(t, claims(map[string]int{"db": 1, "files": 2}), read(t, restic, "home"))
		})
	}
}

func TestACopyThatCannotBeReadIsNeverTakenForNone(t *testing.T) {
	r, restic := repository(t, restictest.Restic(t))
	broken := map[string]func(t *testing.T) cli.Runner{
		"the password is wrong": func(t *testing.T) cli.Runner { return open(t, r, "wrong") },
		"its data is gone": func(t *testing.T) cli.Runner {
			copied := r
			copied.Address = filepath.Join(t.TempDir(), "repository")
			require.NoError(t, os.CopyFS(copied.Address, os.DirFS(r.Address)))
			require.NoError(t, os.RemoveAll(filepath.Join(copied.Address, "data")))
			return open(t, copied, restictest.Password)
		},
		"it takes more memory than there is": func(t *testing.T) cli.Runner {
			bounded := open(t, r, restictest.Password)
			bounded.MaxMemory = 48 << 20
			return bounded
		},
		"the repository is gone": func(t *testing.T) cli.Runner {
			nowhere := r
			nowhere.Address = filepath.Join(t.TempDir(), "nowhere")
			return open(t, nowhere, restictest.Password)
		},
		"it is no memory": func(t *testing.T) cli.Runner {
			copied := r
			copied.Address = filepath.Join(t.TempDir(), "repository")
			require.NoError(t, os.CopyFS(copied.Address, os.DirFS(r.Address)))
			restic := open(t, copied, restictest.Password)
			_, err := note.Write(t.Context(), restic, note.Draft{Kind: note.Expectations, Cluster: "home"}, []byte(`{"format":1,"records":1}`), "1s")
			require.NoError(t, err)
			return restic
		},
		"it is of a later version": func(t *testing.T) cli.Runner {
			copied := r
			copied.Address = filepath.Join(t.TempDir(), "repository")
			require.NoError(t, os.CopyFS(copied.Address, os.DirFS(r.Address)))
			restic := open(t, copied, restictest.Password)
			_, err := note.Write(t.Context(), restic, note.Draft{Kind: note.Expectations, Cluster: "home"}, []byte(`{"format":99,"records":0}`), "1s")
			require.NoError(t, err)
			return restic
		},
	}
	write(t, restic, owner("home", "a"), claims(map[string]int{"db": 1}))
	for name, spoil := range broken {
		t.Run(name, func(t *testing.T) {
			restic := spoil(t)
			var reader memory.Reader
			got, err := reader.Read(t.Context(), restic, only("home"))
			require.Error(t, err)
			assert.Nil(t, got)
			_, err = memory.Write(t.Context(), restic, owner("home", "a"), claims(map[string]int{"files": 1}), then)
			require.Error(t, err, "nothing is written over what cannot be read")
		})
	}
}

// counting counts the runs of each command.
type counting struct {
	cli.Runner
	runs map[string]int
	fail string
}

func (c counting) Run(ctx context.Context, in cli.Invocation) error {
	c.runs[in.Args[0]]++
	if in.Args[0] == c.fail {
		return errors.New("no answer")
	}
	return c.Runner.Run(ctx, in)
}

func TestACopyIsReadOnce(t *testing.T) {
	_, restic := repository(t, restictest.Restic(t))
	write(t, restic, owner("", "a"), claims(map[string]int{"db": 1}))
	runs := counting{Runner: restic, runs: map[string]int{}}
	var reader memory.Reader
	for range 3 {
		got, err := reader.Read(t.Context(), runs, only(""))
		require.NoError(t, err)
		assert.Len(t, got[""], 1)
	}
	assert.Equal(t, map[string]int{"snapshots": 3, "dump": 1}, runs.runs)
	write(t, restic, owner("", "a"), claims(map[string]int{"files": 1}))
	got, err := reader.Read(t.Context(), runs, only(""))
	require.NoError(t, err)
	assert.Len(t, got[""], 2)
	assert.Equal(t, 2, runs.runs["dump"], "another copy is there")
}

func TestOldCopiesAreRemovedByIdAndNothingElse(t *testing.T) {
	r, restic := repository(t, restictest.Restic(t))
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "file"), []byte("x"), 0o600))
	others := []string{
		r.Snapshot(t, folder, "--host", "soteria", "--tag", "namespace=apps,pvc=db"),
		r.Snapshot(t, folder, "--host", "laptop"),
		r.Snapshot(t, folder, "--host", "soteria", "--tag", "soteria=expectations"),
	}
	write(t, restic, owner("work", "z"), claims(map[string]int{"db": 1}))
	write(t, restic, owner("home", "z"), claims(map[string]int{"db": 1}))
	// A store that forbids removal, or a backup that runs all the time: the copies
	// are written all the same.
	kept := counting{Runner: restic, runs: map[string]int{}, fail: "forget"}
	for i := range 12 {
		written, err := memory.Write(t.Context(), kept, owner("home", "a"), claims(map[string]int{fmt.Sprintf("claim-%d", i): i}), time.Now())
		require.NoError(t, err)
		assert.Equal(t, i+2, written.Claims)
		assert.Equal(t, i == 11, written.Untidy != nil, "copy %d", i)
	}
	write(t, restic, owner("home", "a"), claims(map[string]int{"claim-12": 1}))

	notes, err := note.List(t.Context(), restic, note.Expectations)
	require.NoError(t, err)
	assert.Len(t, note.Of(notes, note.Expectations, "work"), 1)
	written := map[string]int{}
	for _, n := range note.Of(notes, note.Expectations, "home") {
		written[n.Instance]++
	}
	assert.Equal(t, map[string]int{"a": 4, "z": 1}, written, "the last of another installation stays")
	assert.Len(t, read(t, restic, "home"), 14, "and nothing is lost")
	left := string(r.Run(t, "snapshots", "--json"))
	for _, id := range others {
		assert.True(t, strings.Contains(left, id), "snapshot %s of somebody else stays", id)
	}
}
