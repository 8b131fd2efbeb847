package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/julienschmidt/httprouter"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/signin"
)

// Catalog says which backups exist. Asking has no side effects and may be
// repeated at will.
type Catalog interface {
	// Known answers for all drivers together: Found as soon as one says so, and None
	// once all have proved it. It answers Unknown when ctx ends first.
	Known(ctx context.Context, claim backup.Claim) backup.Answer
	// Last answers from the last listings, for display alone. It does not wait.
	Last(claim backup.Claim) backup.Answer
	// LastOf is Last for one of [Catalog.Drivers].
	LastOf(claim backup.Claim, driver string) backup.Answer
	// Drivers names the drivers that are asked.
	Drivers() []string
}

// Backupers are the drivers that take backups.
type Backupers struct {
	// Default names the one that a request gets which names none.
	Default string
	// ByName holds all of them.
	ByName map[string]driver.Backuper
}

// Observer is told what the API does, for metrics. It must not block.
type Observer interface {
	ExistsAnswered(decision string)
	BackupRequested(driver string, dryRun bool, err error)
	RestoreRequested(driver string, dryRun bool, err error)
	NamespaceBackupRequested(driver string, dryRun bool, err error)
	NamespaceRestoreRequested(driver string, dryRun bool, err error)
	// AuthzDenied is told that somebody was not let in, or not believed; reason
	// comes from a small closed set.
	AuthzDenied(reason string)
	Panicked()
}

// Config tunes the server.
type Config struct {
	// Addr is where to listen, such as ":8080".
	Addr string
	// UnknownStatus is the status of /exists when the answer is Unknown: 503, or
	// 200 for callers that go by the body alone.
	UnknownStatus int
	// RestoreRequired says that no claim may start empty unless it says why: with
	// it, /exists decides to hold where no backup exists.
	RestoreRequired bool
	// LookupBudget bounds how long a request waits for the catalog.
	LookupBudget time.Duration
	// BackupBudget bounds how long a request waits for a backup to be started.
	BackupBudget time.Duration
	// RestoreBudget bounds how long a request waits for a restore to be started,
	// and BatchBudget for all that is started for a whole namespace.
	RestoreBudget time.Duration
	BatchBudget   time.Duration
	// MaxChanges bounds how many requests for changes are under way at once; more
	// are refused and may be sent again. Reading is not bounded.
	MaxChanges int
	// PolicyBudget bounds how long a request waits for the policies.
	PolicyBudget time.Duration
	// ExistsOnly leaves out all routes but /exists, health and metrics, and takes
	// of [Services] Catalog, SignIn, Lock, Gatherer, Ready, Observer and Log alone.
	ExistsOnly bool
	// SourceOf gives what the backup system knows a claim by; nil where it has no
	// name of its own for it.
	SourceOf func(backup.Claim) string
	// Grace is how long requests under way may go on once the server stops.
	Grace time.Duration
}

// DefaultConfig is what an installation runs with unless told otherwise.
func DefaultConfig() Config {
	return Config{
		Addr:          ":8080",
		UnknownStatus: http.StatusServiceUnavailable,
		LookupBudget:  2500 * time.Millisecond,
		BackupBudget:  20 * time.Second,
		RestoreBudget: 20 * time.Second,
		BatchBudget:   50 * time.Second,
		MaxChanges:    256,
		PolicyBudget:  10 * time.Second,
		Grace:         15 * time.Second,
	}
}

// Limits on what a client may take up. Writing includes waiting for the slowest
// budget.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 15 * time.Second
	writeTimeout  = 60 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 32 << 10
	maxBody       = 1 << 20
)

// Server is the HTTP server.
type Server struct {
	cfg      Config
	services Services
}

// Services is what the server is made of. All are required but Batches, Bucket and Console.
type Services struct {
	Catalog   Catalog
	Backupers Backupers
	// Rules say now which backups are chosen by themselves. Default: all.
	Rules func() backup.Rules
	// Lock draws a new lock, for policies that lock claims.
	Lock func() string
	// Reports are the answers about all claims at once.
	Reports  *Reports
	Restores Restores
	Claims   Claims
	// Batches is work that goes on without the caller; nil where there is none, and
	// Prefer: respond-async is left unheard.
	Batches Batches
	// Copies are the claims that were made to look at a backup.
	Copies Copies
	// Testers are the drivers that test backups, by name.
	Testers map[string]driver.Tester
	// SignIn says who sends a request, and whether they may.
	SignIn *signin.Gate
	// Auditor writes changes down on claims.
	Auditor Auditor
	// Bucket tells of the backup bucket; nil where none is scanned.
	Bucket   Bucket
	Policies Policies
	Status   Status
	Events   Events
	// Console answers GET and HEAD wherever no path of the API begins; nil for
	// none. It sets headers that suit pages in the place of the API's.
	Console http.Handler
	// Gatherer holds the metrics to serve.
	Gatherer prometheus.Gatherer
	// Ready says why this replica should get no requests, nil when it should.
	// It must not depend on a repository: an unreachable repository holds claims,
	// it does not take admission away.
	Ready    func(context.Context) error
	Observer Observer
	Log      *slog.Logger
}

// New makes a server.
func New(cfg Config, services Services) *Server {
	if services.Rules == nil {
		services.Rules = func() backup.Rules { return backup.Rules{} }
	}
	return &Server{cfg: cfg, services: services}
}

// Handler gives all routes, with what is done for every request around them.
func (s *Server) Handler() http.Handler {
	router := httprouter.New()
	router.RedirectTrailingSlash = false
	router.RedirectFixedPath = false
	router.NotFound = http.HandlerFunc(s.noSuchRoute)
	router.MethodNotAllowed = http.HandlerFunc(s.noSuchMethod)

	routes := s.routes()
	for _, route := range routes {
		s.serve(route, router)
	}
	return s.logged(s.recovered(secured(s.browsed(routes, s.signedIn(s.guarded(router))))))
}

// routes gives all routes. Those of a resource are in its file, in a function
// like [Server.backupRoutes]; what is given here is routed and documented.
//
// To turn "router.POST(path, s.handle)" into a route, say with it what it is for,
// which query parameters it has, the wire type of its body, and by status those
// of its answers. Texts of package wire of which all values are known are listed
// in enumerations.
func (s *Server) routes() []route {
	if s.cfg.ExistsOnly {
		return slices.Concat(s.existsRoutes(), s.healthRoutes())
	}
	all := slices.Concat(
		s.existsRoutes(), s.backupRoutes(), s.restoreRoutes(), s.batchRoutes(), s.restoreTestRoutes(), s.copyRoutes(), s.reportRoutes(), s.policyRoutes(), s.bucketRoutes(),
		s.statusRoutes(), s.eventRoutes(), s.whoamiRoutes(), s.healthRoutes(),
	)
	return append(all, s.documentRoute(all))
}

// Start listens and serves until ctx ends, then refuses new requests and lets
// those under way finish within the grace. It is controller-runtime's Runnable.
func (s *Server) Start(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.cfg.Addr)
	if err != nil {
		return fmt.Errorf("listening for HTTP: %w", err)
	}
	return s.Serve(ctx, listener)
}

// Serve is [Server.Start] on a listener that is open already.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.services.Log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	s.services.Log.Info("serving HTTP", "address", listener.Addr().String())

	select {
	case err := <-served:
		return fmt.Errorf("serving HTTP: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Grace)
	defer cancel()
	err := server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		s.services.Log.Warn("requests were cut off: they did not finish within the grace", "grace", s.cfg.Grace)
		err = server.Close()
	}
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	if err != nil {
		return fmt.Errorf("stopping HTTP: %w", err)
	}
	return nil
}

// NeedLeaderElection tells controller-runtime that every replica serves.
func (s *Server) NeedLeaderElection() bool { return false }
