// Command plumber stands in for pvc-plumber v4 in benchmarks: it is written for them,
// shares no code with it, and does per question what its documentation says: it looks
// the claim up in a cache, whose entries hold for CACHE_TTL; what is not there costs
// one S3 LIST for at most one object below {namespace}/{pvc}/; two lines are logged,
// and the answer is JSON. What it answers from the cache is as old as that, and
// proves nothing.
//
// It reads pvc-plumber's environment: PORT, S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY,
// S3_SECRET_KEY and CACHE_TTL.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "plumber:", err)
		os.Exit(1)
	}
}

// timeout bounds reading and writing a request, as pvc-plumber's do.
const timeout = 10 * time.Second

func serve() error {
	ttl, err := time.ParseDuration(cmp.Or(os.Getenv("CACHE_TTL"), "60s"))
	if err != nil {
		return fmt.Errorf("CACHE_TTL: %w", err)
	}
	store, err := minio.New(os.Getenv("S3_ENDPOINT"), &minio.Options{Creds: credentials.NewStaticV4(os.Getenv("S3_ACCESS_KEY"), os.Getenv("S3_SECRET_KEY"), "")})
	if err != nil {
		return fmt.Errorf("S3_ENDPOINT: %w", err)
	}
	p := &plumber{store: store, bucket: os.Getenv("S3_BUCKET"), ttl: ttl, cached: map[string]answer{}, log: slog.New(slog.NewJSONHandler(os.Stdout, nil))}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /exists/{namespace}/{pvc}", p.exists)
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"status":"ok"}` + "\n")) })
	server := &http.Server{Addr: "127.0.0.1:" + cmp.Or(os.Getenv("PORT"), "8080"), Handler: mux, ReadTimeout: timeout, WriteTimeout: timeout}
	return server.ListenAndServe()
}

// answer is what is answered, and how long it holds.
type answer struct {
	Exists        bool   `json:"exists"`
	Decision      string `json:"decision"`
	Authoritative bool   `json:"authoritative"`
	Namespace     string `json:"namespace"`
	PVC           string `json:"pvc"`
	Backend       string `json:"backend"`
	Error         string `json:"error,omitempty"`

	until time.Time
}

type plumber struct {
	store  *minio.Client
	bucket string
	ttl    time.Duration
	log    *slog.Logger
	asked  atomic.Int64

	mu     sync.RWMutex
	cached map[string]answer
}

func (p *plumber) exists(w http.ResponseWriter, r *http.Request) {
	p.asked.Add(1)
	namespace, pvc := r.PathValue("namespace"), r.PathValue("pvc")
	p.log.Info("asked", "namespace", namespace, "pvc", pvc)
	a := p.recall(r.Context(), namespace, pvc)
	p.log.Info("answered", "namespace", namespace, "pvc", pvc, "exists", a.Exists, "decision", a.Decision, "authoritative", a.Authoritative, "backend", a.Backend)
	w.Header().Set("Content-Type", "application/json")
	if !a.Authoritative {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(a) // the client has gone
}

// recall answers from the cache while that holds, and else from the store.
func (p *plumber) recall(ctx context.Context, namespace, pvc string) answer {
	key := namespace + "/" + pvc
	p.mu.RLock()
	a, known := p.cached[key]
	p.mu.RUnlock()
	if known && time.Now().Before(a.until) {
		return a
	}
	a = p.list(ctx, namespace, pvc)
	if a.Authoritative {
		a.until = time.Now().Add(p.ttl)
		p.mu.Lock()
		p.cached[key] = a
		p.mu.Unlock()
	}
	return a
}

func (p *plumber) list(ctx context.Context, namespace, pvc string) answer {
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	a := answer{Decision: "fresh", Authoritative: true, Namespace: namespace, PVC: pvc, Backend: "s3"}
	prefix := strings.Join([]string{namespace, pvc, ""}, "/")
	for object := range p.store.ListObjectsIter(ctx, p.bucket, minio.ListObjectsOptions{Prefix: prefix, MaxKeys: 1}) {
		if object.Err != nil {
			return answer{Decision: "unknown", Namespace: namespace, PVC: pvc, Backend: "s3", Error: object.Err.Error()}
		}
		a.Exists, a.Decision = true, "restore"
		break
	}
	return a
}
