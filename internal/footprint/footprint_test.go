package footprint

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"runtime/debug"
	"testing"

	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestThreeQuartersOfAContainersLimitAreGos(t *testing.T) {
	const otherwise = 24 << 20
	for name, test := range map[string]struct {
		limit uint64
		err   error
		want  int64
	}{
		"32 MiB, as in pvc-plumber's manifest": {limit: 32 << 20, want: 24 << 20},
		"64 MiB":                               {limit: 64 << 20, want: 48 << 20},
		"no limit":                             {err: errors.New("memory is not limited"), want: otherwise},
		"no limit, as version 1 says it":       {limit: math.MaxUint64, want: otherwise},
		"a limit of nothing":                   {limit: 0, want: otherwise},
	} {
		assert.Equal(t, test.want, within(func() (uint64, error) { return test.limit, test.err }, otherwise), name)
	}
}

func TestTheLimitIsTheProcesss(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	limit := LimitMemory(24 << 20)
	assert.Positive(t, limit)
	assert.Equal(t, limit, debug.SetMemoryLimit(-1))
}

func TestAReleasedProgramTakesLessAndGoesOn(t *testing.T) {
	mapped := func() uint64 {
		self, err := procfs.Self()
		require.NoError(t, err)
		status, err := self.NewStatus()
		require.NoError(t, err)
		return status.RssFile
	}
	before := mapped()
	require.NoError(t, Settle())
	assert.Less(t, mapped(), before)

	var out bytes.Buffer
	require.NoError(t, json.NewEncoder(&out).Encode(map[string]int{"a": 1}))
	assert.JSONEq(t, `{"a":1}`, out.String())
}

func TestOnlyWhatTheFileHoldsIsReleased(t *testing.T) {
	for name, test := range map[string]struct {
		perms procfs.ProcMapPermissions
		fixed bool
		want  bool
	}{
		"code":                             {procfs.ProcMapPermissions{Read: true, Execute: true, Private: true}, true, true},
		"code that is loaded anywhere":     {procfs.ProcMapPermissions{Read: true, Execute: true, Private: true}, false, true},
		"constants":                        {procfs.ProcMapPermissions{Read: true, Private: true}, true, true},
		"constants with addresses in them": {procfs.ProcMapPermissions{Read: true, Private: true}, false, false},
		"variables":                        {procfs.ProcMapPermissions{Read: true, Write: true, Private: true}, true, false},
		"what may be written and run":      {procfs.ProcMapPermissions{Read: true, Write: true, Execute: true}, true, false},
		"a hole, which has no permission":  {procfs.ProcMapPermissions{}, true, false},
	} {
		assert.Equal(t, test.want, isFile(&test.perms, test.fixed), name)
	}
}
