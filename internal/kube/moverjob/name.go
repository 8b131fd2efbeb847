package moverjob

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/backup"
)

// The parts of a Job's name. The whole stays below the 63 characters that a
// label value (job-name) may have, whatever the number.
const (
	longestClaimPart = 28
	hashDigits       = 10
)

// Name gives the name of a Job: what it does, the claim for people, the claim's
// uid as a hash since claims of one name may follow each other, and a number
// that tells Jobs of one claim apart.
func Name(action string, claim backup.Claim, uid types.UID, number int) string {
	sum := sha256.Sum256([]byte(uid))
	part := strings.ReplaceAll(claim.Name, ".", "-")
	if len(part) > longestClaimPart {
		part = part[:longestClaimPart]
	}
	return fmt.Sprintf("%s-%s-%s-%d", action, strings.TrimRight(part, "-"), hex.EncodeToString(sum[:])[:hashDigits], number)
}

// The parts of a dated name, which is no longer than 63 characters either.
const (
	datedPrefix      = "soteria-backup-"
	datedLayout      = "20060102-150405"
	longestDatedPart = 63 - len(datedPrefix) - len("-"+datedLayout)
)

// DatedName returns the name of the Job that backs a claim up from that moment on, for
// people to read: soteria-backup-<claim>-<yyyymmdd-hhmmss>, in UTC. A claim's name that
// is too long for it, or holds a dot, is changed; a hash of the claim's uid then tells
// claims apart that would have one name.
func DatedName(claim backup.Claim, uid types.UID, at time.Time) string {
	part := strings.ReplaceAll(claim.Name, ".", "-")
	if part != claim.Name || len(part) > longestDatedPart {
		sum := sha256.Sum256([]byte(uid))
		hash := hex.EncodeToString(sum[:])[:hashDigits]
		part = strings.TrimRight(part[:min(len(part), longestDatedPart-hashDigits-1)], "-") + "-" + hash
	}
	return datedPrefix + part + "-" + at.UTC().Format(datedLayout)
}

// Number reads the number back out of a name; 0 when there is none.
func Number(name string) int {
	number, err := strconv.Atoi(name[strings.LastIndex(name, "-")+1:])
	if err != nil {
		return 0
	}
	return number
}

// CredentialsName is the name of the Secret that holds a Job's copy of the
// credentials.
func CredentialsName(job string) string { return job + "-credentials" }
