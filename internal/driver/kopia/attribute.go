package kopia

import (
	"time"

	"github.com/kopia/kopia/repo/manifest"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
)

// Strays are the settings about snapshots whose sources do not say whose they are,
// of the driver of this name.
func Strays(driver string) attribution.Settings {
	return attribution.Settings{
		Driver: driver, Noun: "Kopia snapshots",
		Unattributed: "SOTERIA_KOPIA_UNATTRIBUTED", Adopt: "SOTERIA_KOPIA_ADOPT", Foreign: "SOTERIA_KOPIA_FOREIGN",
		Keys: []string{attribution.KeyUser, attribution.KeyHost, attribution.KeyPath, attribution.KeyTag},
	}
}

// labels of a snapshot's manifest.
const (
	userLabel = "username"
	hostLabel = "hostname"
	pathLabel = "path"
)

// factsOf are what rules go by, as far as a manifest's labels tell.
func factsOf(labels map[string]string) attribution.Facts {
	return attribution.Facts{
		attribution.KeyUser: {labels[userLabel]}, attribution.KeyHost: {labels[hostLabel]}, attribution.KeyPath: {labels[pathLabel]},
	}
}

// attribute says which claim something with these facts is of. No rule has a say
// where the user and the host name a claim. Without a claim and a stray it is
// of no claim.
func (c Config) attribute(facts attribution.Facts) (claim backup.Claim, owned bool, stray *attribution.Stray) {
	if claim, ok := claimOf(facts[attribution.KeyUser][0], facts[attribution.KeyHost][0]); ok {
		return claim, true, nil
	}
	ruling := c.Rules.Of(facts)
	switch {
	case ruling.Standing == attribution.Adopted:
		return ruling.Claim, true, nil
	case ruling.Standing == attribution.Foreign, c.Unattributed == attribution.Ignore && ruling.Why == "":
		return backup.Claim{}, false, nil
	}
	return backup.Claim{}, false, &attribution.Stray{Facts: facts, Claims: attribution.Hints(facts), Why: ruling.Why}
}

// as completes a stray.
func as(stray *attribution.Stray, id manifest.ID, takenAt time.Time) attribution.Stray {
	stray.ID, stray.TakenAt = string(id), takenAt
	return *stray
}
