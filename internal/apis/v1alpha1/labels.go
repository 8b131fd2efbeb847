package v1alpha1

// What users write on claims, and on namespaces for all their claims.
const (
	// RestoreLabel opts a claim in: auto, required or skip. On a namespace
	// (auto, required) it is the default for the namespace's claims.
	RestoreLabel = "soteria.dev/restore"
	// BackupLabel, with hourly, daily or weekly, opts a claim in as auto, as it
	// did with pvc-plumber, and has it backed up that often.
	BackupLabel = "backup"
	// BackupScheduleAnnotation says in a crontab's words when a claim is backed
	// up, or "none". It wins over BackupLabel and over the API's policies.
	BackupScheduleAnnotation = "soteria.dev/backup-schedule"
	// AcceptBackupAnnotation is the id of a backup that lost most of what the one
	// before it held, or the beginning of the id: a person says that it is right.
	// The next backup of the claim has it count.
	AcceptBackupAnnotation = "soteria.dev/accept-backup"
	// SkipReasonAnnotation says why a claim with the label skip may start empty.
	SkipReasonAnnotation = "soteria.dev/skip-reason"
	// RestoreAsOfAnnotation wants the newest backup at or before an RFC 3339
	// time.
	RestoreAsOfAnnotation = "soteria.dev/restore-as-of"
	// RestoreBackupAnnotation wants the backup with this id.
	RestoreBackupAnnotation = "soteria.dev/restore-backup"
	// RestoreFromAnnotation wants the backup of another claim,
	// "<namespace>/<name>".
	RestoreFromAnnotation = "soteria.dev/restore-from"
	// ExpiresAnnotation bounds what a claim asks of a restore (RFC 3339): a claim that is
	// made later is protected and gets its newest backup, as if it asked for nothing. It
	// bounds the label skip, the annotations restore-from, restore-as-of and
	// restore-backup, and the reference to a Restore. On a Restore it bounds what that
	// says.
	ExpiresAnnotation = "soteria.dev/expires"
	// RestoreRootAnnotation settles which folder of a backup was the volume's root
	// where the backup does not tell: "top" or "folder".
	RestoreRootAnnotation = "soteria.dev/restore-root"
	// AcceptDataAnnotation accepts what a claim holds although it was bound without
	// a verdict: the claim's uid, then a reason. The uid keeps an acceptance that
	// was copied with a manifest from counting for another claim.
	AcceptDataAnnotation = "soteria.dev/accept-data"
	// JobResourcesAnnotation and JobDeadlineAnnotation change what the claim's
	// movers ask for ("limits.memory=4Gi,requests.cpu=200m") and how long they may
	// take ("36h"), within the operator's bounds.
	JobResourcesAnnotation = "soteria.dev/job-resources"
	JobDeadlineAnnotation  = "soteria.dev/job-deadline"
	// RestoreWithoutPodAnnotation, "true", begins a restore in a storage class that
	// waits for the first consumer although no pod uses the claim yet.
	RestoreWithoutPodAnnotation = "soteria.dev/restore-without-pod"
)

// What Soteria writes on claims.
const (
	// VerdictAnnotation says what was decided on the claim, and by which rule: by
	// admission and, until a locked claim has its volume, by the controller.
	VerdictAnnotation = "soteria.dev/verdict"
	// EvidenceAnnotation says what the verdict rests on.
	EvidenceAnnotation = "soteria.dev/evidence"
	// FoundAnnotation is the verdict and the evidence by which backups of the claim were
	// found, once another verdict took their place: the claim does not start empty by
	// itself after that. It only makes verdicts stricter, since users can write it, too.
	FoundAnnotation = "soteria.dev/found"
	// JudgedAtAnnotation tells when admission decided (RFC 3339). A verdict that is
	// older than its claim was copied with the manifest and is worth nothing.
	JudgedAtAnnotation = "soteria.dev/judged-at"
	// RestoredAnnotation on a claim that the API made says what it was restored from.
	// What the API wrote to choose that is taken off then.
	RestoredAnnotation = "soteria.dev/restored"
	// ChoiceToldAnnotation identifies the choice of which the claim's event said that it
	// would act again.
	ChoiceToldAnnotation = "soteria.dev/choice-told"
	// TestAnnotation on a claim that was made to look at a backup is the claim's lock, so
	// that one that was copied with a manifest marks no other claim. Who removes it keeps
	// the claim. See kube.IsTest and package copies.
	TestAnnotation = "soteria.dev/restore-test"
	// TouchedAnnotation is changed to make the volume binder look at a claim
	// again at once (handover).
	TouchedAnnotation = "soteria.dev/bound-at"
)

// RequestedByAnnotation tells who asked for what the object is for: on claims
// that the API made, and on what takes backups.
const RequestedByAnnotation = "soteria.dev/requested-by"

// What Soteria writes on the objects it makes. All of them carry ManagedByLabel
// and RoleLabel; what belongs to one claim's restore or backup also carries the
// claim's uid as a label and its namespace and name as an annotation, since a
// label value cannot hold them.
const (
	// ManagedByLabel is the field's standard label; its value is ManagedBy.
	ManagedByLabel = "app.kubernetes.io/managed-by"
	// ManagedBy is the value of ManagedByLabel.
	ManagedBy = "soteria"
	// RoleLabel says what the object is for: one of the Role constants.
	RoleLabel = "soteria.dev/role"
	// ClaimUIDLabel is the uid of the claim that the object serves.
	ClaimUIDLabel = "soteria.dev/claim-uid"
	// ClaimAnnotation is the claim that the object serves, "namespace/name".
	ClaimAnnotation = "soteria.dev/claim"
	// FilledAnnotation on a prime tells that its data is complete and verified,
	// and when (RFC 3339).
	FilledAnnotation = "soteria.dev/filled-at"
	// BackupAnnotation on a prime is the backup that it is to hold,
	// "<driver>/<id>", or EmptyBackup; on a restore test the backup that is tested.
	BackupAnnotation = "soteria.dev/backup"
	// EmptyBackup is the value of BackupAnnotation on a prime that stays empty.
	EmptyBackup = "none"
	// AttemptAnnotation on a prime is the number of the first attempt to fill
	// it and, with FilledAnnotation, of the attempt that did.
	AttemptAnnotation = "soteria.dev/attempt"
	// PlacementAnnotation on a Job that fills identifies the placement that it was
	// made with.
	PlacementAnnotation = "soteria.dev/placement"
	// RoomAnnotation on a Job that fills says what its mover asks for since the pod does
	// that it is placed for, as "cpu=2,memory=4Gi": no setting lowers that.
	RoomAnnotation = "soteria.dev/room"
	// SettingsAnnotation on a Job that fills identifies the settings that it was made with.
	SettingsAnnotation = "soteria.dev/settings"
	// StalledAnnotation on the Job or the Lease of a backup says that it does not come
	// further, and who holds it up; package stall writes and reads it.
	StalledAnnotation = "soteria.dev/stalled"
	// MadeAgainAnnotation on the Job of a backup is how often the backup was made again
	// where the claim is used now, in the place of a Job that is gone.
	MadeAgainAnnotation = "soteria.dev/made-again"
	// WithoutRoomAnnotation on a prime says why its fills do not ask for the room of the
	// claim's pod any more.
	WithoutRoomAnnotation = "soteria.dev/without-room"
	// WithoutDeviceAnnotation on a prime says why its fills only prefer the nodes that
	// have the devices which the claim's pod asks for.
	WithoutDeviceAnnotation = "soteria.dev/without-device"
	// AbandonedAnnotation on a prime says why its volume cannot be filled any more,
	// so that it is removed and another one is made.
	AbandonedAnnotation = "soteria.dev/abandoned"
	// LockAnnotation on a prime and its volume is the lock of the claim that
	// they serve: the name that the volume is handed over under.
	LockAnnotation = "soteria.dev/lock"
	// ReclaimPolicyAnnotation on a prime's volume keeps the policy that the
	// volume had before handover made it Retain.
	ReclaimPolicyAnnotation = "soteria.dev/reclaim-policy"
	// WrittenAnnotation on a prime says whether all that is on its volume was written
	// by the restore: NotWritten, or when that was first seen (RFC 3339). Primes of
	// versions that emptied whatever they found lack it.
	WrittenAnnotation = "soteria.dev/written-at"
	// NotWritten is the value of WrittenAnnotation on a prime of which it is not
	// known what its volume holds.
	NotWritten = "unknown"
	// ForeignDataAnnotation on a prime's volume is when it was found to hold data
	// from before the restore (RFC 3339). Soteria never deletes such a volume.
	ForeignDataAnnotation = "soteria.dev/foreign-data-at"
)

// Values of RoleLabel.
const (
	// RolePrime is a claim that a restore fills; also the volume behind it.
	RolePrime = "prime"
	// RoleTwin is a storage class like another one but for its name, which
	// primes use so that no volume made by hand can be bound to them.
	RoleTwin = "twin"
	// RoleRestored is a volume under a lock's name that was handed over.
	RoleRestored = "restored"
	// RoleRetained is a volume that was handed to an earlier claim of its claim's
	// name and retains its data, under a name of its own since the claim's lock
	// needs the one that it had.
	RoleRetained = "retained"
	// RoleBackup is a Job that backs a claim up, and all that belongs to it.
	RoleBackup = "backup"
	// RoleFill is a Job that fills a prime, and all that belongs to it.
	RoleFill = "fill"
	// RoleMemory is a Job that keeps a copy of what Soteria remembers beside the
	// backups, and all that belongs to it.
	RoleMemory = "memory"
	// RoleTest is a Job that restores a backup into nothing that lasts, to see
	// whether it can be restored, and all that belongs to it.
	RoleTest = "test"
	// RoleStage is a restored volume that is copied from, and the claim for it.
	RoleStage = "stage"
	// RoleRepository is a Job that makes or tends a repository.
	RoleRepository = "repository"
	// RoleBatch is a ConfigMap that holds the record of a batch.
	RoleBatch = "batch"
	// RoleLocked is a Restore that was made for a claim that admission locked,
	// as opposed to one that a user wrote.
	RoleLocked = "locked"
)

// RetainedPrefix begins the names of volumes with RoleRetained; the uid of the
// volume object that each was follows.
const RetainedPrefix = LockPrefix + "retained-"

// LockPrefix begins the reserved volume names that keep claims Pending.
const LockPrefix = "soteria-"
