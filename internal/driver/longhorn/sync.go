package longhorn

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/longhorn/api"
)

// How often Longhorn is looked at while it syncs, and how long it is waited for.
const (
	firstLook = 500 * time.Millisecond
	lastLook  = 2 * time.Second
	// unavailablePatience is how long a target may stay unavailable after a sync
	// was asked for: what Longhorn tells of it may be older than that.
	unavailablePatience = 5 * time.Second
	// pendingPatience is how long a sync that others asked for may take before it
	// is asked for another one.
	pendingPatience = 20 * time.Second
	// unreadPatience is how long a listing waits for backups that Longhorn has not
	// read, counted from when it last read one.
	unreadPatience = 20 * time.Second
)

// mark is what an object said of its syncs at some moment after a listing began.
// Longhorn writes down when a sync began once it has ended, to the second, by the
// clock of the node that did it.
type mark struct {
	synced time.Time
	// pending is true when a sync was asked for that had not ended: it may have
	// begun before the mark.
	pending bool
}

func markOf(requested, synced metav1.Time) mark {
	return mark{synced: synced.Time, pending: !isSettled(requested, synced)}
}

// isSettled reports whether Longhorn has nothing to do: there was a sync, and
// none was asked for since. It compares the same times in the same way.
func isSettled(requested, synced metav1.Time) bool {
	return !synced.IsZero() && !requested.After(synced.Time)
}

// passed reports whether the last sync that ended, at synced, is proved to have
// begun after the mark. None that was asked for before the mark may count: where
// one was pending, the sync has to be from a later second than the request.
func (m mark) passed(synced, asked time.Time) bool {
	return synced.After(m.synced) && !synced.Before(asked) && (!m.pending || synced.After(asked))
}

// targetSync follows one backup target until it has been read anew.
type targetSync struct {
	name string
	// before and requested are as the target was when it was marked.
	before    mark
	requested time.Time
	// marked is when it was, by Soteria's clock.
	marked time.Time
	// busy is true while Longhorn does a sync that was asked for before the mark.
	// It writes down that it has in the object that a request changes as well, and
	// begins anew should that have been changed meanwhile: asked too often, a
	// Longhorn with many backup volumes would never come to an end.
	busy bool
	// asked is the first request for a sync after the mark, whoever made it; zero
	// until there was one.
	asked time.Time
	// accepted is when Soteria's own request was, by its own clock.
	accepted time.Time
	// unavailableSince is when the target was first seen unavailable after that.
	unavailableSince time.Time
	// synced is when the sync began that counts; zero until it has ended. first is
	// that of the first one that did, should it have had to be repeated for the
	// sake of a backup volume.
	synced, first time.Time
	// late is true while backup volumes in it were not read that it holds.
	late bool
	// unread is why the target is not waited for any more; nil while it is. What
	// Longhorn knew of it before is told, and proves nothing.
	unread error
}

func newTargetSync(t targetRecord, now time.Time) *targetSync {
	s := &targetSync{name: t.name()}
	s.mark(t, now)
	return s
}

// mark begins anew: a sync that is asked for from now on will count.
func (s *targetSync) mark(t targetRecord, now time.Time) {
	s.before = markOf(t.Spec.SyncRequestedAt, t.Status.LastSyncedAt)
	s.requested, s.marked, s.busy = t.Spec.SyncRequestedAt.Time, now, isBusy(t)
	s.asked, s.accepted, s.synced = time.Time{}, time.Time{}, time.Time{}
}

func isBusy(t targetRecord) bool {
	return t.Status.Available && t.Spec.SyncRequestedAt.After(t.Status.LastSyncedAt.Time)
}

// mayBeAsked reports whether a target that is not done needs to be asked for a
// sync, and whether that does no harm.
func (s *targetSync) mayBeAsked(now time.Time) bool {
	needed := s.asked.IsZero() && s.accepted.IsZero()
	return needed && (!s.busy || now.Sub(s.marked) >= pendingPatience)
}

// done reports whether the target has been read since the listing began, or is not
// going to be.
func (s *targetSync) done() bool { return !s.synced.IsZero() || s.unread != nil }

// observe takes in how the target is now. The error says that it is not going to
// be synced.
func (s *targetSync) observe(t targetRecord, now time.Time) error {
	s.busy = isBusy(t)
	if s.asked.IsZero() && !t.Spec.SyncRequestedAt.Time.Equal(s.requested) {
		s.asked = t.Spec.SyncRequestedAt.Time
	}
	switch {
	case s.asked.IsZero():
		return nil
	case t.Status.Available && s.before.passed(t.Status.LastSyncedAt.Time, s.asked):
		s.synced = t.Status.LastSyncedAt.Time
		if s.first.IsZero() {
			s.first = s.synced
		}
		return nil
	case isSettled(t.Spec.SyncRequestedAt, t.Status.LastSyncedAt):
		// Longhorn takes the request for fulfilled by a sync that may have begun
		// too early: it has to be asked again.
		s.mark(t, now)
		return nil
	}
	return s.availability(t, now)
}

func (s *targetSync) availability(t targetRecord, now time.Time) error {
	switch {
	case t.Status.Available:
		s.unavailableSince = time.Time{}
	case s.unavailableSince.IsZero():
		s.unavailableSince = now
	case now.Sub(s.unavailableSince) >= unavailablePatience:
		why := t.why()
		if why == "" {
			why = "Longhorn does not say why"
		}
		return backup.Errorf(backup.Unavailable, "Longhorn cannot reach backup target %s (%s): %.500s; see to the target and its credentials in Longhorn's settings",
			t.name(), t.Spec.URL, why)
	}
	return nil
}

// leavingOut says how to go on without a backup target; "" for the default one.
func (c Config) leavingOut(target string) string {
	if target == defaultTarget {
		return ""
	}
	return ", or leave it and its backups out with SOTERIA_LONGHORN_IGNORE_TARGETS=" + strings.Join(append(slices.Clone(c.IgnoreTargets), target), ",")
}

// synced is what is known of Longhorn's backups once all of it has been read from
// the backup targets since the listing began.
type synced struct {
	targets []targetRecord
	volumes []volumeRecord
	backups []backupRecord
	// going are the backup volumes that are being deleted.
	going []volumeRecord
	// running are the backups that Soteria was taking before backups were read.
	running []running
	// unread holds the names of the backups that Longhorn has not read although
	// it was waited for.
	unread map[string]struct{}
	// incomplete is why some of the targets were not read; nil where all were.
	incomplete error
}

// syncing is a listing that waits for Longhorn.
type syncing struct {
	*Driver
	identity string
	targets  []*targetSync
	// volumes holds marks of the backup volumes that there were.
	volumes map[string]mark
	// unread is how many backups Longhorn had yet to read at the last look, and
	// since when.
	unread      int
	unreadSince time.Time
	// patientUntil is when the listing asks for what no one else has asked for by then, and
	// hurry is closed once it is not to wait for that.
	patientUntil time.Time
	hurry        <-chan struct{}
	// waitsFor says what the listing is waiting for.
	waitsFor string
}

// sync has Longhorn read its backup targets again, waits for that as long as inTime
// lasts, and reads what it knows then. Targets that Longhorn has not read by then are
// left, if it has read others. See [driver.Sharer] for patience and hurry.
func (d *Driver) sync(ctx, inTime context.Context, patience time.Duration, hurry <-chan struct{}) (synced, string, error) {
	s, err := d.beginSync(inTime)
	if err != nil {
		return synced{}, "", err
	}
	s.patientUntil, s.hurry = d.cluster.Clock.Now().Add(patience), hurry
	for pause := firstLook; ; pause = min(pause*3/2, lastLook) {
		known, done, err := s.look(inTime)
		if done && err == nil {
			return known, s.identity, nil
		}
		if err != nil && inTime.Err() == nil {
			return synced{}, "", err
		}
		if s.isHurried() {
			return synced{}, "", driver.ErrHurried
		}
		if s.rest(inTime, pause) {
			continue
		}
		if s.leaveLate() {
			if known, done, err = s.look(ctx); done && err == nil {
				return known, s.identity, nil
			}
		}
		return synced{}, "", backup.Errorf(backup.Unavailable, "Longhorn is not ready to tell which backups there are: %s: %w", s.waitsFor, inTime.Err())
	}
}

// isPatient reports whether the listing waits for someone to ask for a sync, and none has.
func (s *syncing) isPatient() bool {
	asked := func(t *targetSync) bool { return !t.asked.IsZero() || !t.accepted.IsZero() || t.done() }
	return s.cluster.Clock.Now().Before(s.patientUntil) && !slices.ContainsFunc(s.targets, asked)
}

// isHurried reports whether the listing is not to wait for that any more.
func (s *syncing) isHurried() bool {
	return s.isPatient() && s.somebodyWaits()
}

// somebodyWaits reports whether somebody waits for the listing, or for the next one.
func (s *syncing) somebodyWaits() bool {
	select {
	case <-s.hurry:
		return true
	default:
		return false
	}
}

// leavesAsking reports whether it is left to another replica to ask for a sync. Where
// that has asked for one of some targets, and somebody waits, the others are asked for.
func (s *syncing) leavesAsking() bool {
	return s.cluster.Clock.Now().Before(s.patientUntil) && (s.isPatient() || !s.somebodyWaits())
}

// rest waits until the next look and reports whether ctx is still going on. Hurry ends
// it early while the listing is patient.
func (s *syncing) rest(ctx context.Context, pause time.Duration) bool {
	var hurry <-chan struct{}
	if s.isPatient() {
		hurry = s.hurry
	}
	timer := s.cluster.Clock.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-hurry:
	case <-timer.C():
	}
	return ctx.Err() == nil
}

// leaveLate has the targets that were not read waited for no more, and reports
// whether there are such and others that were read.
func (s *syncing) leaveLate() bool {
	var late []*targetSync
	read := false
	for _, t := range s.targets {
		switch {
		case t.late || !t.done():
			late = append(late, t)
		case t.unread == nil:
			read = true
		}
	}
	if !read {
		return false
	}
	for _, t := range late {
		t.unread = backup.Errorf(backup.Unavailable, "Longhorn has not read backup target %s within the time for a listing; see to the target in Longhorn's settings", t.name)
	}
	return len(late) > 0
}

// incomplete returns why targets were not read, the first of them in full; nil where
// all were.
func (s *syncing) incomplete() error {
	var unread []*targetSync
	for _, t := range s.targets {
		if t.unread != nil {
			unread = append(unread, t)
		}
	}
	if len(unread) == 0 {
		return nil
	}
	names := make([]string, 0, len(unread))
	for _, t := range unread[1:] {
		names = append(names, t.name)
	}
	more := ""
	if len(names) > 0 {
		more = fmt.Sprintf(" (the same goes for %s)", strings.Join(names, ", "))
	}
	first := unread[0]
	return backup.Errorf(backup.KindOf(first.unread), "%w%s%s", first.unread, s.cfg.leavingOut(first.name), more)
}

func (d *Driver) beginSync(ctx context.Context) (*syncing, error) {
	targets, err := d.activeTargets(ctx)
	if err != nil {
		return nil, err
	}
	volumes, err := d.records.volumes(ctx)
	if err != nil {
		return nil, err
	}
	s := &syncing{Driver: d, identity: identity(targets), volumes: make(map[string]mark, len(volumes)), waitsFor: "it was not asked yet"}
	for _, t := range targets {
		s.targets = append(s.targets, newTargetSync(t, d.cluster.Clock.Now()))
	}
	for _, v := range volumes {
		s.volumes[v.name()] = markOf(v.Spec.SyncRequestedAt, v.Status.LastSyncedAt)
	}
	return s, nil
}

// activeTargets reads the backup targets that are configured, which are those
// with a URL, and compares them with the configuration.
func (d *Driver) activeTargets(ctx context.Context) ([]targetRecord, error) {
	all, err := d.records.targets(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, backup.Errorf(backup.Unavailable, "namespace %s holds no backup target of Longhorn's, not even an empty one: Longhorn has not started yet, or is elsewhere", d.cfg.Namespace)
	}
	active := slices.DeleteFunc(all, func(t targetRecord) bool { return t.Spec.URL == "" || t.isGoing() || d.cfg.ignores(t.name()) })
	if len(active) == 0 {
		return nil, backup.Errorf(backup.RepositoryAbsent, "Longhorn has no backup target: set the URL of one in Longhorn's settings")
	}
	slices.SortFunc(active, func(a, b targetRecord) int { return strings.Compare(a.name(), b.name()) })
	if pin := d.cfg.BackupTarget; pin != "" {
		i := slices.IndexFunc(active, func(t targetRecord) bool { return t.name() == defaultTarget })
		if i < 0 {
			return nil, backup.Errorf(backup.RepositoryAbsent, "Longhorn's default backup target has no URL; SOTERIA_LONGHORN_BACKUP_TARGET expects %s", pin)
		}
		if url := canonicalURL(active[i].Spec.URL); url != pin {
			return nil, backup.Errorf(backup.RepositoryChanged,
				"Longhorn's default backup target is %s, but SOTERIA_LONGHORN_BACKUP_TARGET expects %s: point Longhorn back to that one, or expect the new one", url, pin)
		}
	}
	return active, nil
}

// identity names the backup targets and where they are. It holds no secrets:
// Longhorn keeps credentials elsewhere.
func identity(targets []targetRecord) string {
	parts := make([]string, 0, len(targets))
	for _, t := range targets {
		parts = append(parts, t.name()+"="+canonicalURL(t.Spec.URL))
	}
	return strings.Join(parts, ",")
}

// look asks for what has yet to be asked for, and takes in how far Longhorn is.
// Once all is synced it is done and gives what is known.
func (s *syncing) look(ctx context.Context) (known synced, done bool, err error) {
	if err := s.ask(ctx); err != nil {
		return synced{}, false, err
	}
	if known.targets, done, err = s.lookAtTargets(ctx); err != nil || !done {
		return synced{}, false, err
	}
	if known.volumes, known.going, done, err = s.lookAtVolumes(ctx, known.targets); err != nil || !done {
		return synced{}, false, err
	}
	// In this order: a backup that is not running any more is among the backups.
	if known.running, err = s.runningBackups(ctx); err != nil {
		return synced{}, false, err
	}
	known.backups, known.unread, done, err = s.lookAtBackups(ctx, known.targets)
	known.incomplete = s.incomplete()
	return known, done, err
}

// ask asks for the syncs that were not asked for, or in vain.
func (s *syncing) ask(ctx context.Context) error {
	for _, t := range s.targets {
		if t.done() {
			continue
		}
		asked := fmt.Sprintf("it was asked to sync backup target %s and has yet to", t.name)
		if !t.mayBeAsked(s.cluster.Clock.Now()) {
			s.waitsFor = asked
			continue
		}
		if s.leavesAsking() {
			s.waitsFor = fmt.Sprintf("another replica may ask it to sync backup target %s", t.name)
			continue
		}
		err := s.api.SyncBackupTarget(ctx, t.name)
		switch {
		case err == nil:
			t.accepted, s.waitsFor = s.cluster.Clock.Now(), asked
		case api.IsTooSoon(err):
			// Somebody asked shortly before. Should that have been after the mark,
			// it counts as well.
			s.waitsFor = fmt.Sprintf("it takes no request to sync backup target %s so shortly after another one", t.name)
		case api.IsUnsupported(err):
			return backup.Errorf(backup.Unavailable,
				"this version of Longhorn cannot be asked to sync its backup targets, so that Soteria cannot tell whether backups are missing: upgrade Longhorn to 1.6.2 or later: %w", err)
		case api.IsStated(err):
			t.unread = err // it may be this target alone
		default:
			return err
		}
	}
	return nil
}

func (s *syncing) lookAtTargets(ctx context.Context) (targets []targetRecord, done bool, err error) {
	targets, err = s.activeTargets(ctx)
	if err != nil {
		return nil, false, err
	}
	if now := identity(targets); now != s.identity {
		return nil, false, backup.Errorf(backup.Unavailable, "Longhorn's backup targets were changed while they were listed, from %s to %s", s.identity, now)
	}
	done = true
	for i, t := range s.targets { // both are sorted by name, and of the same names
		if t.done() {
			continue
		}
		t.unread = t.observe(targets[i], s.cluster.Clock.Now())
		done = done && t.done()
	}
	if !slices.ContainsFunc(s.targets, func(t *targetSync) bool { return t.unread == nil }) {
		return nil, false, s.incomplete()
	}
	return targets, done, nil
}

// lookAtVolumes reads the backup volumes and reports whether each has been synced
// after its target was. Those that are being deleted are not synced, and told
// apart: their target does not hold them any more, or soon will not.
func (s *syncing) lookAtVolumes(ctx context.Context, targets []targetRecord) (volumes, going []volumeRecord, done bool, err error) {
	all, err := s.records.volumes(ctx)
	if err != nil {
		return nil, nil, false, err
	}
	var behind []volumeRecord
	var missed []string // targets that have to be asked again
	for _, v := range all {
		t := s.target(v.target())
		if t != nil && v.isGoing() {
			going = append(going, v)
		}
		if t == nil || v.isGoing() {
			continue
		}
		volumes = append(volumes, v)
		if t.unread != nil {
			continue
		}
		before, marked := s.volumes[v.name()]
		switch synced := v.Status.LastSyncedAt; {
		case !marked && !synced.IsZero(), marked && before.passed(synced.Time, t.first):
			continue
		case marked && isSettled(v.Spec.SyncRequestedAt, synced):
			// The target's sync did not reach it, or it was synced too early to
			// tell: the target has to be asked again.
			s.volumes[v.name()] = markOf(v.Spec.SyncRequestedAt, synced)
			missed = append(missed, t.name)
		}
		behind = append(behind, v)
	}
	s.markLate(behind)
	for _, t := range targets {
		if slices.Contains(missed, t.name()) {
			s.target(t.name()).mark(t, s.cluster.Clock.Now())
		}
	}
	if len(behind) > 0 {
		s.waitsFor = fmt.Sprintf("it has yet to read %d of %d backup volumes, %s among them%s", len(behind), len(volumes), behind[0].name(), messages(behind[0].Status.Messages))
		return nil, nil, false, nil
	}
	return volumes, going, true, nil
}

// markLate notes which targets hold backup volumes that are behind.
func (s *syncing) markLate(behind []volumeRecord) {
	for _, t := range s.targets {
		t.late = slices.ContainsFunc(behind, func(v volumeRecord) bool { return v.target() == t.name })
	}
}

// target gives the sync of a backup target, nil if it is none of those listed.
func (s *syncing) target(name string) *targetSync {
	i := slices.IndexFunc(s.targets, func(t *targetSync) bool { return t.name == name })
	if i < 0 {
		return nil
	}
	return s.targets[i]
}

// lookAtBackups reads the backups and reports whether Longhorn has read each, or
// is not going to.
func (s *syncing) lookAtBackups(ctx context.Context, targets []targetRecord) (backups []backupRecord, unread map[string]struct{}, done bool, err error) {
	all, err := s.records.backups(ctx)
	if err != nil {
		return nil, nil, false, err
	}
	unread, news := make(map[string]struct{}), false
	for _, b := range all {
		if !slices.ContainsFunc(targets, func(t targetRecord) bool { return t.name() == b.target() }) {
			continue
		}
		backups = append(backups, b)
		if s.target(b.target()).unread != nil {
			continue
		}
		if stateOf(b) == unreadBackup && !b.isRead() {
			unread[b.name()] = struct{}{}
			news = news || !s.knownUnreadable(b.name())
		}
	}
	now := s.cluster.Clock.Now()
	if len(unread) != s.unread || s.unreadSince.IsZero() {
		s.unread, s.unreadSince = len(unread), now
	}
	done = len(unread) == 0 || !news || now.Sub(s.unreadSince) >= unreadPatience
	if done {
		s.keepUnreadable(unread)
	}
	s.waitsFor = fmt.Sprintf("it has yet to read %d of %d backups", len(unread), len(backups))
	return backups, unread, done, nil
}

// knownUnreadable reports whether an earlier listing waited for this backup in
// vain.
func (d *Driver) knownUnreadable(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, known := d.unreadable[name]
	return known
}

func (d *Driver) keepUnreadable(names map[string]struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unreadable = names
}

// sleep waits and reports whether ctx is still going on.
func (d *Driver) sleep(ctx context.Context, pause time.Duration) bool {
	timer := d.cluster.Clock.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C():
		return ctx.Err() == nil
	}
}

// messages makes one text of what Longhorn says of an object that it failed to
// read.
func messages(said map[string]string) string {
	if len(said) == 0 {
		return ""
	}
	texts := make([]string, 0, len(said))
	for kind, text := range said {
		texts = append(texts, kind+": "+text)
	}
	slices.Sort(texts)
	return fmt.Sprintf(" (%.300s)", strings.Join(texts, "; "))
}
