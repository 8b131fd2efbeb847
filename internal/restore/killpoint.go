package restore

// The kill points: after each durable write, in the order in which a restore
// passes them. A binary built with the tag "killpoints" ends itself there when
// the claim's annotation [KillAtAnnotation] names the point, which is how the
// end-to-end tests crash it; in any other build they are nothing.
const (
	KillRestoreMade      = "restore-made"
	KillBackupPinned     = "backup-pinned"
	KillPrimeMade        = "prime-made"
	KillFillStarted      = "fill-started"
	KillFilled           = "filled"
	KillReleased         = "released"
	KillRetained         = "retained"
	KillVolumeMade       = "volume-made"
	KillTouched          = "touched"
	KillPrimeDeleted     = "prime-deleted"
	KillOldVolumeDeleted = "old-volume-deleted"
	KillCompleted        = "completed"
)

// KillAtAnnotation names the kill point at which a test wants a crash.
const KillAtAnnotation = "test.soteria.dev/kill-at"

// KillPoints lists all kill points in order.
func KillPoints() []string {
	return []string{
		KillRestoreMade, KillBackupPinned, KillPrimeMade, KillFillStarted, KillFilled, KillReleased,
		KillRetained, KillVolumeMade, KillTouched, KillPrimeDeleted, KillOldVolumeDeleted, KillCompleted,
	}
}
