package httpapi

import (
	"context"
	"net/http"

	"github.com/julienschmidt/httprouter"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/bucket"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

// Bucket tells what the backup bucket held when it was last scanned. Asking
// never scans. Before the first scan has succeeded it is an error of kind
// Unavailable.
type Bucket interface {
	Report(ctx context.Context) (bucket.Report, error)
}

func (s *Server) bucketRoutes() []route {
	return []route{{
		method: http.MethodGet, path: "/v1/b2", handle: s.showBucket,
		summary: "What the backup bucket holds and costs, as of the last scan",
		answers: answers{http.StatusOK: wire.Bucket{}},
	}}
}

// showBucket tells what the backup bucket holds and costs.
func (s *Server) showBucket(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	if s.services.Bucket == nil {
		s.fail(w, r, &backup.Error{Kind: backup.NotFound, Reason: backup.BySetting,
			Message: "the backup bucket is not scanned: SOTERIA_B2_ENABLED=true, with SOTERIA_B2_ENDPOINT, SOTERIA_B2_BUCKET and SOTERIA_B2_SECRET_NAME, switches that on"})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.LookupBudget)
	defer cancel()
	report, err := s.services.Bucket.Report(ctx)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, bucketContents(report))
}

func bucketContents(report bucket.Report) wire.Bucket {
	f := report.Figures
	contents := wire.Bucket{
		Enabled: true, Bucket: report.Store.Bucket, Endpoint: report.Store.Endpoint, Prefix: report.Store.Prefix,
		Objects: f.Objects, Bytes: f.Bytes, LargestPrefixes: make([]wire.BucketPrefix, 0, len(f.Largest)),
		History:   make([]wire.BucketPoint, 0, len(report.Growth)),
		ScannedAt: f.ScannedAt, ScanSeconds: f.Took.Seconds(),
		MonthlyCostEstimate: report.MonthlyCost, Currency: report.Currency,
		Error: report.Failure, Stale: report.Stale,
	}
	if h := f.History; h != nil {
		contents.Versions, contents.NoncurrentBytes, contents.DeleteMarkers = &h.Versions, &h.NoncurrentBytes, &h.DeleteMarkers
	}
	for _, p := range f.Largest {
		contents.LargestPrefixes = append(contents.LargestPrefixes, wire.BucketPrefix(p))
	}
	for _, p := range report.Growth {
		contents.History = append(contents.History, wire.BucketPoint{ScannedAt: p.At, Bytes: p.Bytes, Objects: p.Objects})
	}
	return contents
}
