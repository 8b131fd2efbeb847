package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/julienschmidt/httprouter"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
)

func (s *Server) backupRoutes() []route {
	return []route{{
		method: http.MethodGet, path: "/v1/backups", handle: s.listBackups,
		summary: "A claim's backups, newest first",
		query: []parameter{
			{name: "namespace", description: "The claim's namespace", required: true},
			{name: "pvc", description: "The claim's name", required: true},
			{name: "driver", description: "The driver whose backups are listed; by default all"},
		},
		answers: answers{http.StatusOK: wire.Backups{}},
	}, {
		method: http.MethodPost, path: "/v1/backup", handle: s.startBackup,
		summary: "Start a backup of a claim",
		body:    wire.BackupRequest{},
		answers: answers{http.StatusOK: wire.BackupStarted{}, http.StatusAccepted: wire.BackupStarted{}},
	}}
}

// listBackups lists a claim's backups, newest first.
func (s *Server) listBackups(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	asked, err := s.readBackupsQuery(r.URL.Query())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.LookupBudget)
	defer cancel()
	answer := s.backupsOf(ctx, asked)
	if answer.Certainty() == backup.Unknown {
		_, body := describe(answer.Err())
		s.render(w, r, http.StatusServiceUnavailable, body)
		return
	}
	s.render(w, r, http.StatusOK, backupList(asked.claim, answer.Backups()))
}

// backupsQuery is what GET /v1/backups asks for. An empty driver means all.
type backupsQuery struct {
	claim  backup.Claim
	driver string
}

func (s *Server) readBackupsQuery(query url.Values) (backupsQuery, error) {
	asked := backupsQuery{
		claim:  backup.Claim{Namespace: query.Get("namespace"), Name: query.Get("pvc")},
		driver: query.Get("driver"),
	}
	if err := asked.claim.Validate(); err != nil {
		return backupsQuery{}, err
	}
	if asked.driver != "" && !slices.Contains(s.services.Catalog.Drivers(), asked.driver) {
		return backupsQuery{}, &backup.Error{Kind: backup.Invalid, Field: "driver", Message: "driver is not one that looks for backups here"}
	}
	return asked, nil
}

func (s *Server) backupsOf(ctx context.Context, asked backupsQuery) backup.Answer {
	if asked.driver == "" {
		return s.services.Catalog.Known(ctx, asked.claim)
	}
	return s.services.Catalog.KnownOf(ctx, asked.claim, asked.driver)
}

func backupList(claim backup.Claim, backups []backup.Backup) wire.Backups {
	list := wire.Backups{Namespace: claim.Namespace, PVC: claim.Name, Backups: make([]wire.Backup, 0, len(backups))}
	for _, b := range backups {
		list.Backups = append(list.Backups, wire.Backup{
			ID: b.ID, Driver: b.Driver, TakenAt: b.TakenAt, State: wire.StateCompleted,
			SizeBytes: known(b.SizeBytes), Files: known(b.Files), Tags: append([]string{}, b.Tags...),
		})
	}
	return list
}

// startBackup starts a backup of a claim, or tells on a dry run what it would
// start.
func (s *Server) startBackup(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	req, by, err := s.readBackupRequest(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.BackupBudget)
	defer cancel()
	started, err := s.services.Backupers.ByName[by].Backup(ctx, req)
	s.services.Observer.BackupRequested(by, req.DryRun, err)
	s.audit(r, change{action: "backup", claim: req.Claim, detail: by, dryRun: req.DryRun, err: err})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	status := http.StatusAccepted
	if req.DryRun {
		status = http.StatusOK
	}
	s.render(w, r, status, wire.BackupStarted{
		Driver: started.Driver, Namespace: started.Namespace,
		JobName: started.JobName, Secret: started.Secret, Volume: started.Volume, Backup: started.Backup,
		RequestedBy: req.RequestedBy, DryRun: req.DryRun,
	})
}

// readBackupRequest gives the request and the name of the driver that it is for.
func (s *Server) readBackupRequest(w http.ResponseWriter, r *http.Request) (req driver.BackupRequest, by string, err error) {
	var body wire.BackupRequest
	if err := read(w, r, &body); err != nil {
		return driver.BackupRequest{}, "", err
	}
	by = cmp.Or(body.Driver, s.services.Backupers.Default)
	if _, known := s.services.Backupers.ByName[by]; !known {
		return driver.BackupRequest{}, "", &backup.Error{Kind: backup.Invalid, Field: "driver", Message: "driver is not one that takes backups here"}
	}
	req = driver.BackupRequest{
		Claim:       backup.Claim{Namespace: body.Namespace, Name: body.PVC},
		Tags:        body.Tags,
		RequestedBy: caller(r),
		DryRun:      body.DryRun,
	}
	return req, by, req.Claim.Validate()
}
