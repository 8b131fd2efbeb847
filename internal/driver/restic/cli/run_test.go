package cli_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/secret"
)

const password = "hunter-2-hunter"

// program gives a stand-in for restic made of lines of shell.
func program(t *testing.T, lines string) cli.Program {
	t.Helper()
	path := filepath.Join(t.TempDir(), "restic")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+lines+"\n"), 0o755))
	return cli.Program{
		Path: path, Location: cli.Location{Kind: cli.S3, Text: "s3:https://s3.example/bucket"}, Region: "eu-north-1", CacheDir: t.TempDir(),
		Credentials: cli.Credentials{
			cli.KeyPassword: secret.New(password), cli.KeyAccessKeyID: secret.New("AKIA-one"), cli.KeySecretAccessKey: secret.New("very-secret-key"),
		},
	}
}

func drain(out *string) func(io.Reader) error {
	return func(stdout io.Reader) error {
		all, err := io.ReadAll(stdout)
		*out = string(all)
		return err
	}
}

func TestResticGetsWhatItNeedsAndNoMore(t *testing.T) {
	t.Setenv("SOTERIA_API_TOKEN", "none of restic's business")
	t.Setenv("AWS_PROFILE", "somebody")
	t.Setenv("RESTIC_PASSWORD_COMMAND", "steal")
	t.Setenv("RESTIC_REPOSITORY_FILE", "/elsewhere")
	t.Setenv("HTTPS_PROXY", "http://proxy:3128")
	var out string
	p := program(t, `env; for arg; do echo "arg:$arg"; done`)
	require.NoError(t, p.Run(t.Context(), cli.Invocation{Args: []string{"snapshots", "a b", "$(id)", "*"}, Stdout: drain(&out)}))

	for _, line := range []string{
		"RESTIC_REPOSITORY=s3:https://s3.example/bucket", "RESTIC_PASSWORD=" + password, "AWS_ACCESS_KEY_ID=AKIA-one",
		"AWS_SECRET_ACCESS_KEY=very-secret-key", "AWS_DEFAULT_REGION=eu-north-1", "HTTPS_PROXY=http://proxy:3128", "PATH=" + os.Getenv("PATH"),
		"arg:snapshots", "arg:a b", "arg:$(id)", "arg:*",
	} {
		assert.Contains(t, strings.Split(out, "\n"), line)
	}
	for _, name := range []string{"SOTERIA_API_TOKEN", "AWS_PROFILE", "RESTIC_PASSWORD_COMMAND", "RESTIC_REPOSITORY_FILE"} {
		assert.NotContains(t, out, name)
	}
}

func TestHowARunEnds(t *testing.T) {
	// What restic 0.16 and 0.19 print, seen against real servers.
	const asks16 = "\nIs there a repository at the following location?\ns3:https://s3.example/bucket"
	cases := map[string]struct {
		stderr string
		code   int
		kind   backup.Kind
		absent bool
		says   string
	}{
		"0.16, no config object in S3":      {stderr: "Fatal: unable to open config file: Stat: The specified key does not exist." + asks16, code: 1, kind: backup.RepositoryAbsent, absent: true},
		"0.16, no config in a folder":       {stderr: "Fatal: unable to open config file: stat /r/config: no such file or directory" + asks16, code: 1, kind: backup.RepositoryAbsent, absent: true},
		"0.16, no config behind a server":   {stderr: "Fatal: unable to open config file: <config/> does not exist" + asks16, code: 1, kind: backup.RepositoryAbsent, absent: true},
		"0.19, no config object":            {stderr: `{"message_type":"exit_error","code":10,"message":"Fatal: repository does not exist: unable to open config file: Stat: The specified key does not exist."}`, code: 10, kind: backup.RepositoryAbsent, absent: true},
		"0.19, no config in other words":    {stderr: "words of a later restic", code: 10, kind: backup.RepositoryAbsent, absent: true},
		"0.16, no bucket":                   {stderr: "Fatal: unable to open config file: Stat: The specified bucket does not exist." + asks16, code: 1, kind: backup.RepositoryAbsent},
		"0.16, refused connection":          {stderr: `Fatal: unable to open config file: Stat: Get "http://h/": dial tcp: connect: connection refused` + asks16, code: 1, kind: backup.Unavailable, says: "connection refused"},
		"0.16, wrong secret key":            {stderr: "Fatal: unable to open config file: Stat: The request signature we calculated does not match the signature you provided. Check your key and signing method." + asks16, code: 1, kind: backup.Credentials},
		"0.16, unknown access key":          {stderr: "Fatal: unable to open config file: Stat: The Access Key Id you provided does not exist in our records." + asks16, code: 1, kind: backup.Credentials},
		"access denied":                     {stderr: "Fatal: unable to open config file: Stat: Access Denied." + asks16, code: 1, kind: backup.Credentials},
		"a rest-server that asks who":       {stderr: "Fatal: unable to open config file: unexpected HTTP response (401): 401 Unauthorized" + asks16, code: 1, kind: backup.Credentials},
		"a rest-server in trouble":          {stderr: "Fatal: unable to open config file: unexpected HTTP response (500): 500 Internal Server Error" + asks16, code: 1, kind: backup.Unavailable},
		"0.16, wrong password":              {stderr: "Fatal: wrong password or no key found", code: 1, kind: backup.Credentials, says: "RESTIC_PASSWORD"},
		"0.19, wrong password":              {stderr: `{"message_type":"exit_error","code":12,"message":"Fatal: wrong password or no key found"}`, code: 12, kind: backup.Credentials},
		"0.16, locked":                      {stderr: "unable to create lock in backend: repository is already locked exclusively by PID 7", code: 1, kind: backup.Unavailable, says: "lock"},
		"0.19, locked":                      {stderr: "locked", code: 11, kind: backup.Unavailable, says: "lock"},
		"a key of another object is absent": {stderr: "Load(<index/1>): The specified key does not exist.", code: 1, kind: backup.Unavailable},
		"something else":                    {stderr: "panic: out of memory", code: 2, kind: backup.Unavailable, says: "out of memory"},
		"nothing said":                      {code: 1, kind: backup.Unavailable, says: "status 1"},
		"an absence that a crash repeats":   {stderr: "Fatal: unable to open config file: <config/> does not exist", code: 2, kind: backup.Unavailable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := program(t, "cat >&2 <<'END'\n"+c.stderr+"\nEND\nexit "+strconv.Itoa(c.code))
			err := p.Run(t.Context(), cli.Invocation{Otherwise: backup.Unavailable})
			require.Error(t, err)
			assert.Equal(t, c.kind, backup.KindOf(err), "%v", err)
			assert.Equal(t, c.absent, errors.Is(err, cli.ErrNoRepository), "%v", err)
			assert.Contains(t, err.Error(), c.says)
		})
	}
}

func TestNoSecretIsRepeated(t *testing.T) {
	cases := map[string]string{
		"in a failure":      `echo "Fatal: password hunter-2-hunter and key very-secret-key at http://user:pass@host/ refused" >&2; exit 1`,
		"in an end by time": `echo "trying hunter-2-hunter and very-secret-key at http://user:pass@host/" >&2; exec sleep 60`,
		"in a retry": `for i in 1 2 3; do echo "Stat(<config/>) returned error, retrying after 1s: hunter-2-hunter very-secret-key http://user:pass@host/ refused" >&2; done
exec sleep 60`,
		"in a known retry": `echo "Stat(<config/>) returned error, retrying after 1s: Access Denied. hunter-2-hunter very-secret-key http://user:pass@host/" >&2; exec sleep 60`,
	}
	for name, lines := range cases {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var seen []string
			err := program(t, lines).Run(ctx, cli.Invocation{Stderr: func(line string) {
				seen = append(seen, line)
				cancel()
			}})
			require.Error(t, err)
			for _, text := range append(seen, err.Error()) {
				assert.NotContains(t, text, password)
				assert.NotContains(t, text, "very-secret-key")
				assert.NotContains(t, text, "user:pass")
			}
			assert.Contains(t, strings.Join(seen, "\n"), secret.Redacted)
		})
	}
}

func TestWhatIsKeptOfItsErrorOutputIsBounded(t *testing.T) {
	p := program(t, `head -c 300000 /dev/zero | tr '\0' x >&2; i=0; while [ $i -lt 2000 ]; do echo "line $i of many" >&2; i=$((i+1)); done; exit 1`)
	lines := 0
	err := p.Run(t.Context(), cli.Invocation{Stderr: func(line string) {
		lines++
		assert.LessOrEqual(t, len(line), 64<<10)
	}})
	require.Error(t, err)
	assert.Less(t, len(err.Error()), 5<<10)
	assert.Contains(t, err.Error(), "line 1999 of many")
	assert.Equal(t, 2000, lines, "the first line has no end of its own")
}

func TestARunEndsWithItsLeaderWhateverThatLeavesBehind(t *testing.T) {
	for name, status := range map[string]int{"that succeeded": 0, "that failed": 1} {
		t.Run(name, func(t *testing.T) {
			p := program(t, `sleep 3600 & echo $! >"$0.child"; echo "the last word" >&2; echo all of it; exit `+strconv.Itoa(status))
			var out, said string
			err := p.Run(t.Context(), cli.Invocation{Stdout: drain(&out), Stderr: func(line string) { said = line }})
			assert.Equal(t, status == 0, err == nil, "%v", err)
			assert.Equal(t, "all of it\n", out)
			assert.Equal(t, "the last word", said)
			child := childOf(p)
			require.Positive(t, child)
			assert.Eventually(t, func() bool { return !alive(child) }, time.Minute, time.Millisecond)
		})
	}
}

func TestAnOutputIsReadToItsEndHoweverSlowTheReader(t *testing.T) {
	p := program(t, `i=0; while [ $i -lt 400 ]; do echo "line $i" >&2; i=$((i+1)); done; touch "$0.ended"`)
	lines := 0
	require.NoError(t, p.Run(t.Context(), cli.Invocation{Stderr: func(string) {
		if lines++; lines == 1 {
			// The rest is in the pipe, and the program long ended.
			assert.Eventually(t, func() bool { return exists(p.Path + ".ended") }, time.Minute, time.Millisecond)
			ended := time.Now()
			assert.Eventually(t, func() bool { return time.Since(ended) > 1500*time.Millisecond }, time.Minute, 10*time.Millisecond)
		}
	}}))
	assert.Equal(t, 400, lines)
}

func TestARunThatHangsEndsWithItsContext(t *testing.T) {
	for name, lines := range map[string]string{
		"silently":                      `exec sleep 3600`,
		"deaf to signals":               `trap '' TERM INT; while :; do sleep 1; done`,
		"with a child of its own":       `sleep 3600 & echo $! >"$0.child"; wait`,
		"while it prints":               `while :; do echo '{"more":true}'; done`,
		"having said what it waits for": `echo "Stat(<config/>) returned error, retrying after 1s: connection refused" >&2; exec sleep 3600`,
	} {
		t.Run(name, func(t *testing.T) {
			p := program(t, "touch \"$0.started\"\n"+lines)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				assert.Eventually(t, func() bool { return exists(p.Path+".started") && (name != "with a child of its own" || childOf(p) > 0) }, time.Minute, time.Millisecond)
				cancel()
			}()
			err := p.Run(ctx, cli.Invocation{Otherwise: backup.Unavailable})
			require.Error(t, err)
			assert.Equal(t, backup.Unavailable, backup.KindOf(err))
			require.ErrorIs(t, err, context.Canceled)
			if child := childOf(p); child > 0 {
				assert.Eventually(t, func() bool { return !alive(child) }, time.Minute, time.Millisecond, "its children end too")
			}
		})
	}
}

func TestADeadlineSaysWhatResticWaitedFor(t *testing.T) {
	p := program(t, `echo "Stat(<config/>) returned error, retrying after 1s: dial tcp: no route to host" >&2; exec sleep 3600`)
	// A busy machine may not even have started the program when the time is up.
	for limit := 300 * time.Millisecond; ; limit *= 4 {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		err := p.Run(ctx, cli.Invocation{})
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "did not end in time")
		if strings.Contains(err.Error(), "no route to host") {
			return
		}
		require.Less(t, limit, 20*time.Second, "it does not say what restic waited for: %v", err)
	}
}

func TestRetriesThatCannotHelpAreEndedEarly(t *testing.T) {
	const retry = `echo "Stat(<config/>) returned error, retrying after 1.5s: `
	cases := map[string]struct {
		lines   string
		patient bool
		kind    backup.Kind
		says    string
	}{
		"a refused key, at once":                    {lines: retry + `The request signature we calculated does not match" >&2; exec sleep 3600`, kind: backup.Credentials, says: "AWS_SECRET_ACCESS_KEY"},
		"a missing bucket, at once":                 {lines: retry + `The specified bucket does not exist." >&2; exec sleep 3600`, kind: backup.RepositoryAbsent, says: "bucket"},
		"a refused connection, after several":       {lines: `for i in 1 2 3; do ` + retry + `connection refused" >&2; done; exec sleep 3600`, kind: backup.Unavailable, says: "connection refused"},
		"a refused key, after several when patient": {lines: `for i in 1 2 3; do ` + retry + `Access Denied." >&2; done; exec sleep 3600`, patient: true, kind: backup.Credentials},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := program(t, c.lines)
			p.Patient = c.patient
			err := p.Run(t.Context(), cli.Invocation{})
			require.Error(t, err)
			assert.Equal(t, c.kind, backup.KindOf(err))
			assert.Contains(t, err.Error(), c.says)
			assert.NotErrorIs(t, err, cli.ErrNoRepository)
		})
	}
	t.Run("not those of different operations", func(t *testing.T) {
		lines := `for i in 1 2 3 4 5; do echo "Load(<snapshot/$i>, 0, 0) returned error, retrying after 1s: connection reset" >&2; done; echo "Load(<snapshot/1>, 0, 0) operation successful after 1 retries" >&2`
		require.NoError(t, program(t, lines).Run(t.Context(), cli.Invocation{}))
	})
	t.Run("not those of a patient run", func(t *testing.T) {
		p := program(t, `for i in 1 2 3 4 5; do `+retry+`connection refused" >&2; done`)
		p.Patient = true
		require.NoError(t, p.Run(t.Context(), cli.Invocation{}))
	})
}

func TestAnOutputThatCannotBeReadIsAFailure(t *testing.T) {
	refuse := errors.New("not what it should be")
	cases := map[string]string{
		"while restic goes on":       `while :; do echo more; done`,
		"after restic ended well":    `echo all of it`,
		"while restic says nothing":  `echo one; exec sleep 3600`,
		"although restic was killed": `echo one; kill -9 $$`,
	}
	for name, lines := range cases {
		t.Run(name, func(t *testing.T) {
			err := program(t, lines).Run(t.Context(), cli.Invocation{Otherwise: backup.Unavailable, Stdout: func(r io.Reader) error {
				_, err := io.ReadFull(r, make([]byte, 3))
				require.NoError(t, err)
				return refuse
			}})
			require.ErrorIs(t, err, refuse)
			assert.Equal(t, backup.Unavailable, backup.KindOf(err))
		})
	}
}

func TestARunThatIsKilledFromOutsideIsAFailure(t *testing.T) {
	var out string
	err := program(t, `echo all of it; kill -9 $$`).Run(t.Context(), cli.Invocation{Otherwise: backup.Unavailable, Stdout: drain(&out)})
	require.Error(t, err)
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.Equal(t, "all of it\n", out, "although its output was whole")
}

func TestAProgramThatIsNotThereIsUnavailable(t *testing.T) {
	err := cli.Program{Path: "/nowhere/restic"}.Run(t.Context(), cli.Invocation{})
	require.Error(t, err)
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
}

func TestWordsForPeople(t *testing.T) {
	for line, want := range map[string]string{
		"Fatal: plain": "Fatal: plain",
		`{"message_type":"exit_error","message":"Fatal"}`:                                                       "Fatal",
		`{"message_type":"error","error":{"message":"permission denied"},"during":"archival","item":"/data/a"}`: "/data/a: permission denied",
		`{"no type"}`: `{"no type"}`,
	} {
		assert.Equal(t, want, cli.Words(line))
	}
}

func TestFilesThatResticComplainsOf(t *testing.T) {
	cases := map[string]struct {
		line, item, reason string
		none               bool
	}{
		"0.19":                          {line: `{"message_type":"error","error":{"message":"open /data/a: permission denied"},"during":"archival","item":"/data/a"}`, item: "/data/a", reason: "open /data/a: permission denied"},
		"0.16, with an error number":    {line: `{"message_type":"error","error":{"Op":"open","Path":"/data/a","Err":13},"during":"archival","item":"/data/a"}`, item: "/data/a", reason: "open /data/a: permission denied"},
		"0.16, with an empty error":     {line: `{"message_type":"error","error":{},"during":"archival","item":"/data/a"}`, item: "/data/a", reason: "restic could not read it"},
		"0.16, restoring":               {line: "ignoring error for /a: lchown /restore/a: operation not permitted", item: "/a", reason: "lchown /restore/a: operation not permitted"},
		"0.19, restoring":               {line: `{"message_type":"error","error":{"message":"lchown"},"during":"restore","item":"/a"}`, item: "/a", reason: "lchown"},
		"the scan says it a first time": {line: `{"message_type":"error","error":{"message":"x"},"during":"scan","item":"/data/a"}`, none: true},
		"another message":               {line: `{"message_type":"exit_error","code":3,"message":"Warning"}`, none: true},
		"words":                         {line: "Fatal: something", none: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			item, reason, found := cli.FileError(c.line)
			assert.Equal(t, !c.none, found)
			assert.Equal(t, c.item, item)
			assert.Equal(t, c.reason, reason)
		})
	}
}

func TestWhatIsHarmless(t *testing.T) {
	for line, harmless := range map[string]bool{
		"": true,
		"Load(<snapshot/1>, 0, 0) returned error, retrying after 552ms: EOF": true,
		"Load(<snapshot/1>, 0, 0) operation successful after 1 retries":      true,
		"unable to open cache: mkdir /x: read-only file system":              true,
		`Ignoring "1234": load <snapshot/1234>: invalid data returned`:       false,
		"could not load snapshots: List: connection refused":                 false,
		"Load(<snapshot/1>, 0, 0) failed: EOF":                               false,
		"anything else":                                                      false,
	} {
		assert.Equal(t, harmless, cli.Harmless(line), line)
	}
}

func TestWhatTellsThatALockIsGone(t *testing.T) {
	for line, gone := range map[string]bool{
		"Load(<lock/ab12>, 0, 0) returned error, retrying after 531.7ms: open /repo/locks/ab12: no such file or directory": true,
		"Load(<lock/ab12>, 0, 0) returned error, retrying after 1.2s: The specified key does not exist.":                   true,
		"Load(<lock/ab12>, 0, 0) returned error, retrying after 1.2s: <lock/ab12> does not exist":                          true,
		"Load(<lock/ab12>, 0, 0) failed: open /repo/locks/ab12: no such file or directory":                                 true,
		"Load(<lock/ab12>, 0, 0) returned error, retrying after 1.2s: dial tcp: connection refused":                        false,
		"Load(<snapshot/ab12>, 0, 0) returned error, retrying after 1.2s: The specified key does not exist.":               false,
		"Load(<data/ab12>, 0, 0) failed: open /repo/data/ab12: no such file or directory":                                  false,
		"": false,
	} {
		assert.Equal(t, gone, cli.LockGone(line), line)
	}
}

func FuzzFileError(f *testing.F) {
	f.Add(`{"message_type":"error","error":{"Op":"open","Path":"/data/a","Err":13},"during":"archival","item":"/data/a"}`)
	f.Add(`{"message_type":"error","error":{"Err":-1e300}}`)
	f.Add("ignoring error for ")
	f.Fuzz(func(_ *testing.T, line string) {
		cli.FileError(line)
		cli.Words(line)
		cli.Harmless(line)
		cli.LockGone(line)
	})
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func childOf(p cli.Program) int {
	text, err := os.ReadFile(p.Path + ".child")
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}

// alive reports whether a process runs; one that waits to be reaped does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestARunReadsAFileAsItsInput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "input")
	require.NoError(t, os.WriteFile(path, []byte("what is to be kept"), 0o600))
	var out string
	p := program(t, "cat")
	for range 2 { // from its beginning each time
		require.NoError(t, p.Run(t.Context(), cli.Invocation{InputFile: path, Stdout: drain(&out)}))
		assert.Equal(t, "what is to be kept", out)
	}
	require.NoError(t, p.Run(t.Context(), cli.Invocation{Stdout: drain(&out)}))
	assert.Empty(t, out)
	err := p.Run(t.Context(), cli.Invocation{InputFile: filepath.Join(t.TempDir(), "nothing")})
	assert.Equal(t, backup.Internal, backup.KindOf(err))
}

func TestARunTakesNoMoreMemoryThanItMay(t *testing.T) {
	var out string
	p := program(t, `until [ "$(ulimit -d)" = 131072 ]; do :; done; echo "$GOMEMLIMIT"`)
	p.MaxMemory = 128 << 20
	require.NoError(t, p.Run(t.Context(), cli.Invocation{Stdout: drain(&out)}))
	assert.Equal(t, "100663296\n", out)

	p = program(t, `echo "fatal error: runtime: out of memory" >&2
for i in 1 2 3 4 5 6 7 8 9; do printf 'goroutine %01000d\n' $i; done >&2
exit 2`)
	err := p.Run(t.Context(), cli.Invocation{Otherwise: backup.DriverFailed})
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	require.ErrorContains(t, err, "raise the memory limit of its container")
	assert.NotContains(t, err.Error(), "goroutine")
}

func TestWhatResticComplainsOfIsNotWhole(t *testing.T) {
	for line, whole := range map[string]bool{
		"":                                  true,
		"unable to open cache: read-only":   true,
		"Ignoring \"a\": unreadable":        false,
		"could not load snapshots: timeout": false,
	} {
		err := cli.RunWhole(t.Context(), program(t, "echo '"+line+"' >&2"), cli.Invocation{Otherwise: backup.Unavailable}, "the list")
		if whole {
			require.NoError(t, err, line)
			continue
		}
		assert.Equal(t, backup.Unavailable, backup.KindOf(err))
		assert.ErrorContains(t, err, "the list may not be whole")
	}
}
