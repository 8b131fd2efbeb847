package wire

import "time"

// Bucket answers GET /v1/b2: what the backup bucket held when it was last
// scanned.
type Bucket struct {
	// Enabled is true: where no bucket is scanned the answer is an error.
	Enabled bool   `json:"enabled"`
	Bucket  string `json:"bucket"`
	// Endpoint is the store's host.
	Endpoint string `json:"endpoint"`
	// Prefix is what the keys that were counted begin with; empty for all.
	Prefix string `json:"prefix"`
	// Objects counts the objects that can be read without naming a version.
	Objects int64 `json:"objects"`
	// Bytes is all that is stored, noncurrent versions included.
	Bytes int64 `json:"bytes"`
	// Versions counts all versions of all objects, delete markers not. It,
	// NoncurrentBytes and DeleteMarkers are null when the store does not tell.
	Versions *int64 `json:"versions"`
	// NoncurrentBytes is the part of Bytes that older versions take.
	NoncurrentBytes *int64 `json:"noncurrent_bytes"`
	DeleteMarkers   *int64 `json:"delete_markers"`
	// LargestPrefixes are the volumes, the repositories' folders or the other
	// folders that take the most space, largest first, at most twenty.
	LargestPrefixes []BucketPrefix `json:"largest_prefixes"`
	// History is what the last scan of each day in UTC found, oldest first, this
	// one last: at most 400 days. Scans that failed are not in it.
	History []BucketPoint `json:"history"`
	// ScannedAt is when the scan ended, ScanSeconds how long it took.
	ScannedAt   time.Time `json:"scanned_at"`
	ScanSeconds float64   `json:"scan_seconds"`
	// MonthlyCostEstimate is what storing Bytes costs in a month, in Currency;
	// requests and traffic are left out.
	MonthlyCostEstimate float64 `json:"monthly_cost_estimate"`
	Currency            string  `json:"currency"`
	// Error says when and why a later scan failed; empty when none did.
	Error string `json:"error"`
	// Stale is true when the scan is older than two scan intervals.
	Stale bool `json:"stale"`
}

// BucketPrefix is what lies below one prefix. The empty prefix stands for what
// is in no folder.
type BucketPrefix struct {
	Prefix  string `json:"prefix"`
	Objects int64  `json:"objects"`
	// Bytes includes noncurrent versions.
	Bytes int64 `json:"bytes"`
}

// BucketPoint is what the bucket held when a scan ended, counted as in [Bucket].
type BucketPoint struct {
	ScannedAt time.Time `json:"scanned_at"`
	Bytes     int64     `json:"bytes"`
	Objects   int64     `json:"objects"`
}
