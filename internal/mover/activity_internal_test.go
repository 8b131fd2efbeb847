package mover

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 4, 12, 12, 0, 0, 0, time.UTC)

const again = "Save(<data/ab>) returned error, retrying after 1.2s: dial tcp: connection refused"

// after is the time of the nth look.
func after(n int) time.Time { return noon.Add(time.Duration(n) * lookEvery) }

func TestWhatCountsAsMovement(t *testing.T) {
	cases := map[string]struct {
		do    func(*activity)
		moved time.Time
	}{
		"restic begins":              {func(a *activity) { a.begins(after(3), "snapshots", false) }, after(3)},
		"it counts more":             {func(a *activity) { a.counts(after(1), 1); a.counts(after(2), 2) }, after(2)},
		"it says the same once more": {func(a *activity) { a.counts(after(1), 7); a.counts(after(2), 7) }, after(1)},
		"it counts less":             {func(a *activity) { a.counts(after(1), 7); a.counts(after(2), 6) }, after(1)},
		"bytes flow while it counts nothing": {func(a *activity) {
			a.sees(after(1), sample{enoughBytes, 0}, true)
			a.sees(after(2), sample{2 * enoughBytes, 0}, true)
		}, after(2)},
		"it asks for locks, which is little": {func(a *activity) { a.sees(after(1), sample{9000, 0}, true); a.sees(after(2), sample{18000, 0}, true) }, noon},
		"little by little for hours":         {func(a *activity) { trickle(a, 1000) }, noon},
		"it computes":                        {func(a *activity) { a.sees(after(1), sample{0, enoughCPU}, true) }, after(1)},
		"it has computed": {func(a *activity) {
			a.sees(after(1), sample{0, enoughCPU}, true)
			a.sees(after(2), sample{0, enoughCPU}, true)
		}, after(1)},
		"the system does not say what it does": {func(a *activity) { a.sees(after(9), sample{}, false) }, after(9)},
		"it sends in vain":                     {func(a *activity) { a.says(after(1), again); a.sees(after(2), sample{64 * enoughBytes, 0}, true) }, noon},
		"it sends in vain, and counts more":    {func(a *activity) { a.says(after(1), again); a.counts(after(2), 5) }, after(2)},
		"it has sent in vain long ago":         {func(a *activity) { a.says(after(1), again); a.sees(after(60), sample{64 * enoughBytes, 0}, true) }, after(60)},
		"what it tried again has succeeded": {func(a *activity) {
			a.says(after(1), again)
			a.says(after(2), "Save(<data/ab>) operation successful after 1 retries")
			a.sees(after(3), sample{enoughBytes, 0}, true)
		}, after(3)},
		"it complains of a file":                  {func(a *activity) { a.says(after(1), "error: /data/x: permission denied") }, noon},
		"another restic's work counts from there": {func(a *activity) { a.counts(after(1), 900); a.begins(after(2), "backup", true); a.counts(after(3), 1) }, after(3)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := activity{}
			a.begins(noon, "backup", true)
			tc.do(&a)
			assert.Equal(t, tc.moved, a.moved)
		})
	}
}

// trickle has restic do next to nothing for a number of looks.
func trickle(a *activity, looks int) {
	for n := 1; n <= looks; n++ {
		a.sees(after(n), sample{int64(n) * (enoughBytes - 1), 0}, true)
	}
}

func TestABackupThatComesFurtherInEveryMinuteNeverIsQuiet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := activity{}
		a.begins(noon, "backup", true)
		counted, did := int64(0), sample{}
		for n := 1; n <= 200; n++ {
			if n%4 == 0 { // what moves is one of three
				switch rapid.IntRange(0, 2).Draw(t, "what moves") {
				case 0:
					counted += rapid.Int64Range(1, 1<<40).Draw(t, "counted")
					a.counts(after(n), counted)
				case 1:
					did.bytes += enoughBytes
				case 2:
					did.cpu += enoughCPU
				}
			}
			a.counts(after(n), counted)
			a.sees(after(n), did, true)
			if quiet := after(n).Sub(a.moved); quiet >= 50*time.Second {
				t.Fatalf("quiet for %s at look %d", quiet, n)
			}
		}
	})
}

func TestWhatIsSaidOfAWait(t *testing.T) {
	opening := activity{moved: noon}
	assert.Equal(t, "the volume does not answer", opening.waitsFor())
	assert.False(t, opening.mayWaitForLock())

	backingUp := activity{}
	backingUp.begins(noon, "backup", true)
	assert.True(t, backingUp.mayWaitForLock())
	backingUp.says(after(1), again)
	assert.False(t, backingUp.mayWaitForLock(), "it says what it waits for")
	assert.Equal(t, "restic backup tries again what fails: "+again, backingUp.waitsFor())

	backingUp.begins(noon, "backup", true)
	backingUp.printed = true
	assert.False(t, backingUp.mayWaitForLock(), "it has the lock")
	assert.Contains(t, backingUp.waitsFor(), "restic backup neither reads nor writes")

	backingUp.begins(noon, "backup", true)
	backingUp.sees(after(1), sample{beforeLock - 1, 0}, true)
	assert.True(t, backingUp.mayWaitForLock())
	backingUp.sees(after(2), sample{beforeLock, 0}, true)
	assert.False(t, backingUp.mayWaitForLock(), "it has read the index, and holds memory")
}

func TestWhatAProcessDidIsRead(t *testing.T) {
	before, known := observeProcess(os.Getpid())
	assert.True(t, known)
	_, err := os.ReadFile("/proc/self/exe")
	assert.NoError(t, err)
	now, known := observeProcess(os.Getpid())
	assert.True(t, known)
	assert.Greater(t, now.bytes-before.bytes, int64(1<<20), "what was read counts")

	_, known = observeProcess(1 << 30)
	assert.False(t, known, "there is no such process")
}

func TestWhatTheSystemSaysOfAProcess(t *testing.T) {
	cpu, ok := parseCPU([]byte("42 (a) b) S 1 1 1 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 1 1 1"))
	assert.True(t, ok)
	assert.Equal(t, 2*time.Second, cpu)
	for _, text := range []string{"", "42 (a", "42 (a) S 1 1", "42 (a) S 1 1 1 0 -1 4194560 1 0 0 0 x 50 0"} {
		_, ok := parseCPU([]byte(text))
		assert.False(t, ok, text)
	}
	moved, ok := parseInOut([]byte("rchar: 40\nwchar: 2\nsyscr: 9\n"))
	assert.True(t, ok)
	assert.Equal(t, int64(42), moved)
	for _, text := range []string{"", "rchar: 40\n", "rchar: 40\nwchar: x\n"} {
		_, ok := parseInOut([]byte(text))
		assert.False(t, ok, text)
	}
}

func FuzzWhatTheSystemSaysOfAProcess(f *testing.F) {
	f.Add("42 (a) S 1 1 1 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 1 1 1", "rchar: 40\nwchar: 2\n")
	f.Fuzz(func(_ *testing.T, stat, inout string) {
		parseCPU([]byte(stat))
		parseInOut([]byte(inout))
	})
}
