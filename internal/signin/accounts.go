package signin

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
)

// Reviewer asks the cluster whose token one is. The user is empty where the token
// is nobody's, or is not meant for the audience; an error means that it could not
// be told, and may be asked again.
type Reviewer interface {
	Review(ctx context.Context, token, audience string) (user string, err error)
}

// Accounts says which service accounts may ask whether backups exist, by the
// tokens that the cluster gives them. The zero value is none.
type Accounts struct {
	// Reviewer is asked; nil where no service account signs in.
	Reviewer Reviewer
	// Audience is whom the tokens must be meant for.
	Audience string
	// Names are as the cluster has them, "system:serviceaccount:<namespace>:<name>".
	Names []string
}

var accountPattern = regexp.MustCompile(`^system:serviceaccount:[a-z0-9]([-a-z0-9]*[a-z0-9])?:[a-z0-9]([-.a-z0-9]*[a-z0-9])?$`)

// ParseAccounts reads names of service accounts, separated by commas.
func ParseAccounts(list string) ([]string, error) {
	var names []string
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		if !accountPattern.MatchString(entry) {
			return nil, fmt.Errorf("%.160q is not of the form system:serviceaccount:<namespace>:<name>", entry)
		}
		names = append(names, entry)
	}
	return names, nil
}

const (
	// reviewTimeout bounds one question to the cluster.
	reviewTimeout = 2 * time.Second
	// remembered is how long a token that was reviewed is believed without asking
	// again, and mostRemembered how many there are: one for each replica of each
	// account.
	remembered     = 30 * time.Second
	mostRemembered = 64
)

// accounts believes the cluster's tokens. It remembers for a while those that
// were accepted, by their digests.
type accounts struct {
	Accounts
	now func() time.Time

	mu    sync.Mutex
	known map[string]acceptance
}

type acceptance struct {
	user  string
	until time.Time
}

func newAccounts(cfg Accounts, now func() time.Time) *accounts {
	return &accounts{Accounts: cfg, now: now, known: map[string]acceptance{}}
}

// whose tells which service account's a token is.
func (a *accounts) whose(ctx context.Context, token string) (Identity, error) {
	key := digest(token)
	if user, known := a.recall(key); known {
		return Identity{User: user, How: ServiceAccount}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, reviewTimeout)
	defer cancel()
	user, err := a.Reviewer.Review(ctx, token, a.Audience)
	switch {
	case err != nil:
		return Identity{}, Refuse(ReviewFailed, &backup.Error{
			Kind: backup.Unavailable, Message: "the cluster could not be asked whose the bearer token is: Soteria's log tells more", Err: err,
		})
	case user == "":
		return Identity{}, refuse(WrongToken, backup.Unauthenticated,
			"the bearer token is neither one that Soteria knows nor a service account's for the audience %s", a.Audience)
	case !slices.Contains(a.Names, user):
		return Identity{}, refuse(WrongAccount, backup.Denied, "%s is not one of the service accounts that may ask whether backups exist", user)
	}
	a.remember(key, user)
	return Identity{User: user, How: ServiceAccount}, nil
}

func (a *accounts) recall(key string) (user string, known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	accepted, known := a.known[key]
	return accepted.user, known && a.now().Before(accepted.until)
}

func (a *accounts) remember(key, user string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.known) >= mostRemembered {
		clear(a.known)
	}
	a.known[key] = acceptance{user: user, until: a.now().Add(remembered)}
}
