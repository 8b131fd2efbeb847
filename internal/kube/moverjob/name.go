package moverjob

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

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
