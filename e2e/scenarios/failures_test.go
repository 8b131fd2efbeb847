//go:build e2e

package scenarios_test

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// failures are told again when all is over: the log of a run is long, and where
// several scenarios run at once what belongs together lies apart.
var failures struct {
	sync.Mutex
	told []string
}

// Errorf fails the test, and notes why.
func (s *scenario) Errorf(format string, args ...any) {
	s.Helper()
	failures.Lock()
	failures.told = append(failures.told, s.Name()+": "+strings.TrimSpace(fmt.Sprintf(format, args...)))
	failures.Unlock()
	s.T.Errorf(format, args...)
}

// tellFailures says what failed.
func tellFailures(out io.Writer) {
	failures.Lock()
	defer failures.Unlock()
	for _, told := range failures.told {
		_, _ = fmt.Fprintf(out, "FAILED %s\n", told)
	}
}
