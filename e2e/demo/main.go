package main

import (
	"time"

	"github.com/soteria-dr/soteria/e2e/harness"
)

// timeout is how long the demo may take, the first build of everything included.
const timeout = 45 * time.Minute

func main() { harness.Main("demo", timeout, run) }
