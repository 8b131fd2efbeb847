// Command screenshots takes the pictures of the console that the README shows, of
// the cluster that KUBECONFIG names, as "make demo" leaves it.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/soteria-dr/soteria/e2e/harness"
)

// timeout is how long taking the pictures may take.
const timeout = 10 * time.Minute

func main() { harness.Main("screenshots", timeout, run) }

func run(ctx context.Context) error {
	cluster, err := harness.Connect(ctx)
	if err != nil {
		return err
	}
	address, end, err := cluster.Port(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = end() }() // kubectl is killed; there is nothing that it could lose
	report, err := cluster.Browse(ctx, address, "screenshots.spec.ts", map[string]string{
		"SCREENSHOTS": "e2e/console/screenshots", "CLAIM_NAMESPACE": "demo-photos", "CLAIM": "photos",
	})
	fmt.Print(report)
	return err
}
