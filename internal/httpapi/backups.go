package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/julienschmidt/httprouter"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/httpapi/wire"
	"github.com/soteria-dr/soteria/internal/intent"
	"github.com/soteria-dr/soteria/internal/signin"
)

func (s *Server) backupRoutes() []route {
	return []route{{
		method: http.MethodGet, path: "/v1/backups", handle: s.listBackups,
		summary: "A claim's backups, newest first",
		query: []parameter{
			{name: "namespace", description: "The claim's namespace", required: true},
			{name: "pvc", description: "The claim's name", required: true},
			{name: "driver", description: "The driver whose backups are listed; by default all"},
			{name: "limit", counts: true, description: "How many backups are listed at most; by default all"},
		},
		answers: answers{http.StatusOK: wire.Backups{}, http.StatusServiceUnavailable: wire.BackupsUnknown{}},
	}, {
		method: http.MethodPost, path: "/v1/backup", handle: s.startBackup,
		summary: "Start a backup of a claim",
		body:    wire.BackupRequest{}, headers: preferences,
		answers: answers{http.StatusOK: wire.BackupStarted{}, http.StatusAccepted: wire.BackupStarted{}}, also: asBatch,
	}, {
		method: http.MethodPost, path: "/v1/backup/namespace", handle: s.backupNamespace,
		summary: "Start a backup of every bound claim of a namespace",
		body:    wire.NamespaceBackupRequest{}, headers: preferences,
		answers: severally(wire.NamespaceBackup{}), also: asBatch,
	}}
}

// listBackups lists a claim's backups, newest first, as the last listings found them:
// who looks at them waits for no backup system. That there are none is answered only
// where every system was listed.
func (s *Server) listBackups(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	asked, err := s.readBackupsQuery(r.URL.Query())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer := s.backupsOf(asked)
	if answer.Certainty() == backup.Unknown && len(answer.Others()) == 0 {
		_, body := describe(answer.Err())
		s.render(w, r, http.StatusServiceUnavailable, wire.BackupsUnknown{Failure: wire.Failure(body), Systems: systems(answer)})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.LookupBudget)
	defer cancel()
	volume, err := s.services.Claims.VolumeOf(ctx, asked.claim)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, backupList(asked, volume, answer, s.services.Rules()))
}

// backupsQuery is what GET /v1/backups asks for. An empty driver means all, and
// so does a limit of 0.
type backupsQuery struct {
	claim  backup.Claim
	driver string
	limit  int
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
		return backupsQuery{}, backup.UnknownDriver(asked.driver, s.services.Catalog.Drivers())
	}
	var err error
	asked.limit, err = readLimit(query, 0)
	return asked, err
}

// readLimit gives how many of a list are asked for, or what is meant where nothing
// is said of that. Errors are of kind Invalid.
func readLimit(query url.Values, unsaid int) (int, error) {
	text := query.Get("limit")
	if text == "" {
		return unsaid, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > mostCounted {
		return 0, &backup.Error{Kind: backup.Invalid, Field: "limit", Message: fmt.Sprintf("limit must be a whole number from 1 to %d", mostCounted)}
	}
	return limit, nil
}

func (s *Server) backupsOf(asked backupsQuery) backup.Answer {
	if asked.driver == "" {
		return s.services.Catalog.Last(asked.claim)
	}
	return s.services.Catalog.LastOf(asked.claim, asked.driver)
}

func backupList(asked backupsQuery, volume string, answer backup.Answer, rules backup.Rules) wire.Backups {
	backups := slices.Concat(answer.Backups(), answer.Others())
	doubt := cmp.Or(answer.Doubt(), answer.Err())
	list := wire.Backups{Namespace: asked.claim.Namespace, PVC: asked.claim.Name, Volume: volume, Total: len(backups), Systems: systems(answer)}
	list.Doubt, list.Settle = backup.Message(doubt), backup.SettleOf(doubt)
	list.Chosen, list.Unchosen = chosenOf(backups, doubt, rules)
	shown := backups
	if asked.limit > 0 && asked.limit < len(backups) {
		shown = backups[:asked.limit]
	}
	list.Backups = make([]wire.Backup, 0, len(shown))
	for i, b := range shown {
		told := backupOf(b, rules)
		told.FarLessThan = farLessThan(b, backups[i+1:])
		list.Backups = append(list.Backups, told)
	}
	return list
}

// chosenOf says which of a claim's backups, newest first, is chosen by itself, or
// why none is.
func chosenOf(backups []backup.Backup, doubt error, rules backup.Rules) (*wire.Chosen, string) {
	if len(backups) == 0 || doubt != nil {
		return nil, ""
	}
	chosen, err := rules.Choose(backup.Selector{}, backups)
	if err != nil {
		return nil, backup.Message(err)
	}
	return &wire.Chosen{ID: chosen.Backup.ID, Driver: chosen.Backup.Driver, Notes: chosen.Notes}, ""
}

// farLessThan returns the id of the backup before this one, by the same driver and
// cluster, if this one holds far less than it; else "". Older ones are newest first.
func farLessThan(b backup.Backup, older []backup.Backup) string {
	for _, before := range older {
		if before.Driver != b.Driver || before.Cluster != b.Cluster || !backup.Comparable(b, before) {
			continue
		}
		if backup.Collapsed(b, before) {
			return before.ID
		}
		return ""
	}
	return ""
}

// backupOf puts a backup in the API's words.
func backupOf(b backup.Backup, rules backup.Rules) wire.Backup {
	told := wire.Backup{
		ID: b.ID, Driver: b.Driver, TakenAt: b.TakenAt, Created: b.TakenAt, State: wire.StateCompleted, Snapshot: b.Snapshot,
		Outcome: wire.Outcome(b.Outcome.String()), Tool: b.Tool,
		Cluster: b.Cluster, Objection: string(rules.Objection(b)), Unrestorable: b.Unrestorable,
		SizeBytes: known(b.SizeBytes), Size: known(b.SizeBytes), Files: known(b.Files), Tags: append([]string{}, b.Tags...), Labels: labelsOf(b.Tags),
	}
	if !b.DatedAt.IsZero() {
		told.DatedAt = &b.DatedAt
	}
	if intent.IsURL(b.Locator) {
		told.URL = b.Locator
	}
	return told
}

// labelsOf gives those of a backup's tags that are of the form key=value.
func labelsOf(tags []string) map[string]string {
	labels := make(map[string]string, len(tags))
	for _, tag := range tags {
		if key, value, found := strings.Cut(tag, "="); found && key != "" {
			labels[key] = value
		}
	}
	return labels
}

// startBackup starts a backup of a claim, or tells on a dry run what it would
// start.
func (s *Server) startBackup(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	req, by, err := s.readBackupRequest(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if s.mayRespondLater(r, req.DryRun) {
		asked := wire.NamespaceBackupRequest{Namespace: req.Claim.Namespace, Tags: req.Tags}
		s.respondLater(w, r, backupBatch(asked, by, req.RequestedBy, []backup.Claim{req.Claim}))
		return
	}
	done, err := s.backup(context.WithoutCancel(r.Context()), identity(r), by, req)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, started(req.DryRun), wire.BackupStarted{
		Driver: done.Driver, Namespace: done.Namespace,
		JobName: done.JobName, Secret: done.Secret, Volume: done.Volume, Backup: done.Backup,
		RequestedBy: req.RequestedBy, DryRun: req.DryRun,
	})
}

// backup starts one backup, counts it and writes it down.
func (s *Server) backup(ctx context.Context, who signin.Identity, by string, req driver.BackupRequest) (driver.BackupStarted, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.BackupBudget)
	defer cancel()
	started, err := s.services.Backupers.ByName[by].Backup(ctx, req)
	s.services.Observer.BackupRequested(by, req.DryRun, err)
	s.auditOf(ctx, who, change{action: "backup", claim: req.Claim, detail: by, dryRun: req.DryRun, err: err})
	return started, err
}

// readBackupRequest gives the request and the name of the driver that it is for.
func (s *Server) readBackupRequest(w http.ResponseWriter, r *http.Request) (req driver.BackupRequest, by string, err error) {
	var body wire.BackupRequest
	if err := read(w, r, &body); err != nil {
		return driver.BackupRequest{}, "", err
	}
	if by, err = s.backuperNamed(body.Driver); err != nil {
		return driver.BackupRequest{}, "", err
	}
	req = driver.BackupRequest{
		Claim:       backup.Claim{Namespace: body.Namespace, Name: body.PVC},
		Tags:        body.Tags,
		RequestedBy: caller(r),
		DryRun:      body.DryRun,
	}
	return req, by, req.Claim.Validate()
}

// backuperNamed gives the name of the driver that a request is for.
func (s *Server) backuperNamed(name string) (string, error) {
	by := cmp.Or(name, s.services.Backupers.Default)
	if _, known := s.services.Backupers.ByName[by]; !known {
		return "", backup.UnknownDriver(by, slices.Sorted(maps.Keys(s.services.Backupers.ByName)))
	}
	return by, nil
}
