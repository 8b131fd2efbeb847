package restore

// What tests look at from outside.
var (
	SelectDelay   = selectDelay
	RetryDelay    = retryDelay
	WatchDelay    = watchDelay
	Mismatch      = mismatch
	FateOf        = fateOf
	VolumeFor     = volumeFor
	LockProblem   = lockProblem
	PlacementOf   = placementOf
	Twin          = twin
	DefaultClass  = defaultClass
	ProgressOf    = progressOf
	Clip          = clip
	FateSpare     = fateSpare
	FateForget    = fateForget
	FateDestroy   = fateDestroy
	FillRequestOf = unpin
)

// RepeatEvents is how often an event that still holds is told again.
const RepeatEvents = repeatEvents
