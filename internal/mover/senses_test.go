package mover_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	testclock "k8s.io/utils/clock/testing"

	"github.com/soteria-dr/soteria/internal/driver/restic/restictest"
	"github.com/soteria-dr/soteria/internal/mover"
	"github.com/soteria-dr/soteria/internal/mover/pulse"
)

// underWay is a backup that goes on while a test moves its clock.
type underWay struct {
	scratch string
	clock   *testclock.FakeClock
	log     lines
}

// lines is what a mover says.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// begin begins a backup of the volume, which ends with the test at the latest.
func (v volume) begin(t *testing.T) *underWay {
	t.Helper()
	u := &underWay{scratch: v.scratch, clock: testclock.NewFakeClock(time.Now())}
	ctx, cancel := context.WithCancel(t.Context())
	var ended sync.WaitGroup
	args := append(append([]string{"backup"}, v.common()...), "--source", v.data, "--host", "apps/data")
	ended.Go(func() { mover.Run(ctx, args, mover.Process{Stdout: io.Discard, Stderr: &u.log, Ticks: u.clock}) })
	t.Cleanup(func() {
		cancel()
		ended.Wait()
	})
	return u
}

// probe returns what the kubelet would see now.
func (u *underWay) probe() (ready bool, says string) {
	var out bytes.Buffer
	status := mover.Run(context.Background(), pulse.Command(u.scratch)[2:], mover.Process{Stdout: &out, Stderr: &out, Clock: u.clock})
	return status == 0, out.String()
}

// isQuiet waits until the mover has moved nothing for more than a minute and says why.
func (u *underWay) isQuiet(t *testing.T, why string) {
	t.Helper()
	said := ""
	require.Eventually(t, func() bool {
		u.clock.Step(10 * time.Second)
		ready, says := u.probe()
		said = says
		return !ready && strings.Contains(says, why)
	}, 2*time.Minute, 50*time.Millisecond, "it says %s", why)
	assert.Regexp(t, `^nothing has moved since 2\S+Z: `, said)
	assert.Contains(t, u.log.String(), "nothing has moved since", "its log says so too")
}

// incompressible fills a volume with data.
func incompressible(t *testing.T, v volume) {
	t.Helper()
	content := make([]byte, 1<<20)
	_, err := rand.Read(content)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(v.data, "data"), content, 0o600))
}

func TestABackupThatWaitsForALockSaysWhoHoldsIt(t *testing.T) {
	for version, restic := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			v := newVolume(t, restic(t))
			v.repository.Init(t)
			incompressible(t, v)
			v.repository.Snapshot(t, v.data)
			release := restictest.HoldAlone(t, v.repository)
			defer release()

			host, err := os.Hostname()
			require.NoError(t, err)
			v.begin(t).isQuiet(t, `restic waits for the repository, which a restic on host "`+host+`" (process `)
		})
	}
}

func TestABackupWhoseStoreHangsSaysSo(t *testing.T) {
	t.Parallel() // restic is given 20 s to end, in vain
	for version, restic := range restictest.Versions {
		t.Run("with "+version, func(t *testing.T) {
			t.Parallel()
			store, err := net.Listen("tcp", "127.0.0.1:0") // it takes connections and never answers
			require.NoError(t, err)
			defer store.Close()
			v := newVolume(t, restic(t))
			v.repository.Address = "rest:http://" + store.Addr().String() + "/"
			v.begin(t).isQuiet(t, "restic unlock neither reads nor writes; the backup store or the volume does not answer")
		})
	}
}

func TestABackupThatTriesAgainInVainSaysWhat(t *testing.T) {
	const line = "Save(<data/ab>) returned error, retrying after 1.2s: server response unexpected: 503 Service Unavailable"
	v := newVolume(t, wrapped(t, "none", `[ "$1" = backup ] || exit 0
echo '`+line+`' >&2
exec sleep 3600`))
	v.begin(t).isQuiet(t, "restic backup tries again what fails: "+line)
}

func TestABackupThatHangsOnceItHasBegunIsNotSaidToWaitForALock(t *testing.T) {
	v := newVolume(t, wrapped(t, "none", `[ "$1" = backup ] || exit 0
echo '{"message_type":"status","percent_done":0.5,"total_files":4,"files_done":2,"total_bytes":100,"bytes_done":50}'
exec sleep 3600`))
	v.begin(t).isQuiet(t, "restic backup neither reads nor writes")
}

func TestABackupThatCountsIsReady(t *testing.T) {
	step := filepath.Join(t.TempDir(), "step")
	v := newVolume(t, wrapped(t, "none", `[ "$1" = backup ] || exit 0
n=0
while :; do
	if [ -e `+step+` ]; then
		n=$((n+1))
		echo '{"message_type":"status","total_files":4000,"files_done":'$n'}'
		rm `+step+`
	fi
done`))
	u := v.begin(t)
	for range 20 { // it counts one file more, and half a minute passes
		require.NoError(t, os.WriteFile(step, nil, 0o600))
		require.Eventually(t, func() bool { _, err := os.Stat(step); return os.IsNotExist(err) }, time.Minute, time.Millisecond)
		u.clock.Step(30 * time.Second)
		require.Eventually(t, func() bool {
			ready, _ := u.probe()
			if !ready { // what it counted may have been read after the last look
				u.clock.Step(10 * time.Second)
			}
			return ready
		}, time.Minute, 20*time.Millisecond)
	}
}

func TestAProbeLeavesNoResult(t *testing.T) {
	scratch, termination := t.TempDir(), filepath.Join(t.TempDir(), "termination-log")
	at := time.Now().Add(-time.Hour)
	record, err := pulse.Keep(scratch, at)
	require.NoError(t, err)
	require.NoError(t, record.Waits("a lock", at))
	var out bytes.Buffer
	status := mover.Run(t.Context(), pulse.Command(scratch)[2:], mover.Process{Stdout: &out, Stderr: &out, TerminationLog: termination})
	assert.Equal(t, 1, status)
	assert.Contains(t, out.String(), ": a lock")
	assert.NoFileExists(t, termination, "the mover's own result takes it")

	assert.Equal(t, 2, mover.Run(t.Context(), []string{pulse.Action, "--nothing"}, mover.Process{Stdout: &out, Stderr: &out}))
	assert.Zero(t, mover.Run(t.Context(), []string{pulse.Action, "--scratch", t.TempDir()}, mover.Process{Stdout: &out, Stderr: &out}), "what is not known is not quiet")
}

func TestABackupWithoutRoomForARecordIsTakenAllTheSame(t *testing.T) {
	v, _ := seeded(t, restictest.Restic(t))
	v.scratch = filepath.Join(t.TempDir(), "nowhere")
	status, result, output := v.backup(t)
	require.Zero(t, status, result.Error)
	assert.Contains(t, output, "that nothing moves would not be seen")
}
