package main

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/soteria-dr/soteria/internal/bucket"
	"github.com/soteria-dr/soteria/internal/bucket/s3"
	"github.com/soteria-dr/soteria/internal/httpapi"
	"github.com/soteria-dr/soteria/internal/metrics"
	"github.com/soteria-dr/soteria/internal/objectstore"
	"github.com/soteria-dr/soteria/internal/secret"
)

// BucketConfig is what the environment says of the backup bucket. It is exported
// for the library that reads it. Only where B2Enabled is true does the rest count
// and is checked; until then it is kept as text.
type BucketConfig struct {
	B2Enabled         bool          `env:"SOTERIA_B2_ENABLED"`
	B2Endpoint        string        `env:"SOTERIA_B2_ENDPOINT"`
	B2Region          string        `env:"SOTERIA_B2_REGION"`
	B2Bucket          string        `env:"SOTERIA_B2_BUCKET"`
	B2Prefix          string        `env:"SOTERIA_B2_PREFIX"`
	B2AccessKeyID     secret.String `env:"SOTERIA_B2_ACCESS_KEY_ID"`
	B2SecretAccessKey secret.String `env:"SOTERIA_B2_SECRET_ACCESS_KEY"`
	B2SecretName      string        `env:"SOTERIA_B2_SECRET_NAME"`
	B2ScanInterval    string        `env:"SOTERIA_B2_SCAN_INTERVAL" envDefault:"6h"`
	B2Price           string        `env:"SOTERIA_B2_PRICE_PER_GB_MONTH" envDefault:"0.006"`
	B2Currency        string        `env:"SOTERIA_B2_CURRENCY" envDefault:"USD"`

	scanInterval time.Duration
	price        bucket.Price
}

const (
	// leastScanInterval keeps a slip of the pen from running up a bill.
	leastScanInterval = 10 * time.Second
	maxCurrency       = 16
)

// checkBucket checks the settings and derives what they hold.
func (c *config) checkBucket() []error {
	if !c.B2Enabled {
		return nil
	}
	problems := c.bucketStore().Validate()
	bad := func(variable string, err error) {
		problems = append(problems, fmt.Errorf("%s: %w", variable, err))
	}
	var err error
	if c.scanInterval, err = time.ParseDuration(c.B2ScanInterval); err != nil {
		bad("SOTERIA_B2_SCAN_INTERVAL", err)
	} else if c.scanInterval < leastScanInterval {
		bad("SOTERIA_B2_SCAN_INTERVAL", fmt.Errorf("%s must be at least %s", c.scanInterval, leastScanInterval))
	}
	if c.price, err = bucket.ParsePrice(c.B2Price, c.B2Currency); err != nil {
		bad("SOTERIA_B2_PRICE_PER_GB_MONTH", err)
	}
	if strings.TrimSpace(c.B2Currency) == "" || len(c.B2Currency) > maxCurrency {
		bad("SOTERIA_B2_CURRENCY", fmt.Errorf("%.40q is not the name of a currency, such as USD", c.B2Currency))
	}
	return problems
}

// bucketStore gives the settings of what is scanned.
func (c *config) bucketStore() s3.Config {
	return s3.Config{Prefix: c.B2Prefix, Config: objectstore.Config{
		Endpoint: c.B2Endpoint, Region: c.B2Region, Bucket: c.B2Bucket,
		AccessKeyID: c.B2AccessKeyID, SecretAccessKey: c.B2SecretAccessKey,
		SecretName: c.B2SecretName, Namespace: c.Namespace, Observe: c.clocks.Transport,
	}}
}

// addBucket scans the backup bucket, on the leader, and tells of it, on every
// replica. It gives nil where no bucket is to be scanned.
func addBucket(c config, mgr manager.Manager, log *slog.Logger) (httpapi.Bucket, error) {
	if !c.B2Enabled {
		return nil, nil //nolint:nilnil // an absent bucket is not an error, and the server takes nil for it
	}
	store := c.bucketStore()
	keeper := &bucket.Keeper{Writer: mgr.GetClient(), Reader: mgr.GetAPIReader(), Namespace: c.Namespace, Store: store.Store()}
	reporter := &bucket.Reporter{Keeper: keeper, Interval: c.scanInterval, Price: c.price, Clock: clock.RealClock{}}
	scanner := &bucket.Scanner{
		Lister: s3.New(store, mgr.GetAPIReader(), clock.RealClock{}), Keeper: keeper, Interval: c.scanInterval,
		Clock: clock.RealClock{}, Observer: metrics.NewBucket(ctrlmetrics.Registry, reporter.Report), Log: log,
	}
	if err := mgr.Add(scanner); err != nil {
		return nil, fmt.Errorf("adding the bucket scanner: %w", err)
	}
	return reporter, nil
}
