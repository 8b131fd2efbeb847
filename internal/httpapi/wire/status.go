package wire

import "time"

// Status answers GET /v1/status: whether Soteria can keep its promise now.
type Status struct {
	// GeneratedAt is when it was asked for, by the server's clock.
	GeneratedAt time.Time `json:"generated_at"`
	// Version is that of the replica that answers.
	Version string `json:"version"`
	// RestoreMode is what holds for claims that are labelled auto: auto, or required
	// while no claim may start empty unless it says why.
	RestoreMode RestoreMode `json:"restore_mode"`
	Gate        Gate        `json:"gate"`
	// Cluster is the name of this cluster (SOTERIA_CLUSTER), and RestoredClusters
	// are the others whose backups are restored like own ones; absent where none is
	// set.
	Cluster          string   `json:"cluster,omitempty"`
	RestoredClusters []string `json:"restored_clusters,omitempty"`
	// ClockDoubt says that the replica's clock disagrees with the API server's or a
	// store's, and by how much; absent while it does not. Until then no backup is
	// called wrongly dated and retention removes none.
	ClockDoubt string `json:"clock_doubt,omitempty"`
	// SignInRequired tells whether callers have to sign in.
	SignInRequired bool `json:"sign_in_required"`
	// Listings tells of each driver whether its backups can be listed.
	Listings []Listing `json:"listings"`
	// Missing are the backups that were seen before and are gone, though Soteria did
	// not remove them, by namespace and name of their claims; the first hundred, absent where none is.
	// MissingTotal counts them all.
	Missing      []MissingBackup `json:"missing,omitempty"`
	MissingTotal int             `json:"missing_total,omitempty"`
	// MemoryCopies tells of each driver that can keep one how the copy of what Soteria
	// remembers is, which lies beside the backups for a cluster that is built anew;
	// absent where none can.
	MemoryCopies []MemoryCopy `json:"memory_copies,omitempty"`
	// ReportMaxAgeSeconds is how old the inventory and the plan get at most while
	// all is well, and ListingMaxAgeSeconds what is known of a repository. What is
	// older may not be so any more.
	ReportMaxAgeSeconds  float64 `json:"report_max_age_seconds"`
	ListingMaxAgeSeconds float64 `json:"listing_max_age_seconds"`
}

// MissingBackup is a backup that was the newest of its claim and is gone.
type MissingBackup struct {
	Driver    string `json:"driver"`
	Namespace string `json:"namespace"`
	PVC       string `json:"pvc"`
	// Message says which backup it is, when it was last seen, and what settles it.
	Message string `json:"message"`
	// Settle is the command that settles it; absent where no command does.
	Settle string `json:"settle,omitempty"`
}

// RestoreMode is what holds for claims that leave it to the operator.
type RestoreMode string

// The modes.
const (
	RestoreModeAuto     RestoreMode = "auto"
	RestoreModeRequired RestoreMode = "required"
)

// Gate tells whether the API server sends protected claims to Soteria, or locks
// them itself.
type Gate struct {
	State GateState `json:"state"`
	// Message says what is wrong and how to mend it; absent where the gate is
	// closed.
	Message string `json:"message,omitempty"`
}

// GateState is whether protected claims can get past Soteria.
type GateState string

// The states.
const (
	// GateClosed: none can; while Soteria is away, they are refused or wait.
	GateClosed GateState = "closed"
	// GateIncomplete: some can, or all can while Soteria is away.
	GateIncomplete GateState = "incomplete"
	// GateOff: all can.
	GateOff GateState = "off"
	// GateUnknown: it could not be read.
	GateUnknown GateState = "unknown"
)

// MemoryCopy is a copy of what Soteria remembers of each claim's backups.
type MemoryCopy struct {
	Driver string `json:"driver"`
	// WrittenAt is when this installation wrote it; absent where none was listed.
	WrittenAt *time.Time `json:"written_at,omitempty"`
	// Message says what is wrong and what to do; absent where nothing is known to be.
	Message string `json:"message,omitempty"`
	// Rival is another live installation that writes by the name of this cluster, so
	// that each takes the other's backups for its own; absent where none is known.
	Rival string `json:"rival,omitempty"`
}
