package s3

import (
	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/objectstore"
)

// Name is the driver's name.
const Name = "s3"

// Config is all that an operator settles.
type Config struct {
	// Bucket is where the bucket is and how it is opened.
	Bucket objectstore.Config
	// Concurrency is how many requests of one listing are under way at once.
	Concurrency int
	// Layout says which folders are claims'. It must have been parsed.
	Layout attribution.Layout
	// Foreign says which folders hold repositories of no claim.
	Foreign []attribution.Rule
}

// DefaultLayout is VolSync's.
const DefaultLayout = "{namespace}/{pvc}"

// DefaultConcurrency keeps a listing of some hundred large repositories below a
// second, and is within what any store serves one client.
const DefaultConcurrency = 16

var variables = objectstore.Variables{ //nolint:gosec // names of variables, no secrets
	Endpoint: "SOTERIA_LOOKUP_S3_ENDPOINT", Region: "SOTERIA_LOOKUP_S3_REGION", Bucket: "SOTERIA_LOOKUP_S3_BUCKET",
	AccessKeyID: "SOTERIA_LOOKUP_S3_ACCESS_KEY_ID", SecretAccessKey: "SOTERIA_LOOKUP_S3_SECRET_ACCESS_KEY", SecretName: "SOTERIA_LOOKUP_S3_SECRET_NAME",
}

// Validate gives every mistake in the configuration, each an error of kind
// Invalid that begins with the environment variable at fault.
func (c Config) Validate() []error { return c.Bucket.Validate(variables) }
