package footprint

import (
	"math"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// share is the part of a container's limit that Go's memory may take. The rest is for
// what the collector does not count: the program itself, and the kernel's buffers.
const share = 0.75

// LimitMemory has garbage be collected early enough that Go's memory stays within
// three quarters of the container's limit, of cgroup version 1 or 2; within otherwise,
// in bytes, where there is no limit or none can be read. It returns the limit. It is
// not to be called where GOMEMLIMIT is set.
func LimitMemory(otherwise int64) int64 {
	limit := within(memlimit.FromCgroup, otherwise)
	debug.SetMemoryLimit(limit)
	return limit
}

// within returns what Go's memory may take of a container with that limit.
func within(limit func() (uint64, error), otherwise int64) int64 {
	bytes, err := limit()
	if err != nil || bytes == 0 || bytes > math.MaxInt64 {
		return otherwise
	}
	return int64(float64(bytes) * share)
}
