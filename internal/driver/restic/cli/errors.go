package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"syscall"

	"github.com/soteria-dr/soteria/internal/backup"
)

// ErrNoRepository is the cause of an error where it is proved that there is no
// repository at the location: the place answered, and holds no config object. A
// bucket that does not exist is not that.
var ErrNoRepository = errors.New("there is no repository at this location")

// ErrMemory is the cause of an error where restic needed more memory than it may take.
var ErrMemory = errors.New("restic may not take as much memory as it needs")

// Exit statuses of restic since 0.17, and 3 and 1 of every version.
const (
	exitIncomplete    = 3
	exitNoRepository  = 10
	exitLocked        = 11
	exitWrongPassword = 12
)

// ExitError is the cause of errors from a run of restic that ended badly.
type ExitError struct {
	// Code is restic's exit status; -1 if a signal ended it.
	Code int
	// Stderr is the end of what it said, without secrets.
	Stderr string
}

// Error gives restic's own words.
func (e *ExitError) Error() string {
	if e.Stderr == "" {
		return fmt.Sprintf("restic exited with status %d and said nothing", e.Code)
	}
	return e.Stderr
}

// Incomplete reports whether err is restic's way of saying that it made a
// snapshot without some of the files (`backup`, exit status 3).
func Incomplete(err error) bool {
	var exit *ExitError
	return errors.As(err, &exit) && exit.Code == exitIncomplete
}

// CacheUnready reports whether err is that of a restic which found the cache half made
// by another one that began at the same moment. restic 0.19 ends then, before it does
// anything; run again, it finds the cache made.
func CacheUnready(err error) bool {
	var exit *ExitError
	return errors.As(err, &exit) && strings.Contains(exit.Stderr, "unable to open cache: readVersion: ")
}

// verdict is what words of restic's mean.
type verdict struct {
	words string
	kind  backup.Kind
	// hint tells the user what to look at, after restic's own words.
	hint string
	// absent marks the proof that there is no repository.
	absent bool
	// config holds the verdict to failures to open the config object: elsewhere
	// the words mean another file.
	config bool
	// wordy marks words that are followed by pages which tell people nothing: the
	// hint stands for all of it.
	wordy bool
	// cause is that of the error; nil where none is told apart.
	cause error
}

// verdicts are the words that restic and the S3 and REST servers behind it are
// known to use. First match wins; what is not here may pass by itself.
var verdicts = []verdict{
	{words: "wrong password or no key found", kind: backup.Credentials, hint: "the RESTIC_PASSWORD of the secret does not open the repository"},
	{words: "The request signature we calculated does not match", kind: backup.Credentials, hint: "AWS_SECRET_ACCESS_KEY was refused"},
	{words: "SignatureDoesNotMatch", kind: backup.Credentials, hint: "AWS_SECRET_ACCESS_KEY was refused"},
	{words: "The Access Key Id you provided does not exist", kind: backup.Credentials, hint: "AWS_ACCESS_KEY_ID was refused"},
	{words: "InvalidAccessKeyId", kind: backup.Credentials, hint: "AWS_ACCESS_KEY_ID was refused"},
	{words: "No user exists with the provided access key", kind: backup.Credentials, hint: "AWS_ACCESS_KEY_ID was refused"},
	{words: "Access Denied", kind: backup.Credentials, hint: "the S3 keys have no access"},
	{words: "AccessDenied", kind: backup.Credentials, hint: "the S3 keys have no access"},
	{words: "unexpected HTTP response (401)", kind: backup.Credentials, hint: "the server asks for RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD"},
	{words: "unexpected HTTP response (403)", kind: backup.Credentials, hint: "the server refuses access"},
	{words: "The specified bucket does not exist", kind: backup.RepositoryAbsent, hint: "the bucket is missing or mistyped"},
	{words: "NoSuchBucket", kind: backup.RepositoryAbsent, hint: "the bucket is missing or mistyped"},
	{words: "The specified key does not exist", kind: backup.RepositoryAbsent, hint: noRepositoryHint, absent: true, config: true},
	{words: "<config/> does not exist", kind: backup.RepositoryAbsent, hint: noRepositoryHint, absent: true, config: true},
	{words: "/config: no such file or directory", kind: backup.RepositoryAbsent, hint: noRepositoryHint, absent: true, config: true},
	{words: "fatal error: runtime: out of memory", kind: backup.Unavailable, hint: memoryHint, wordy: true, cause: ErrMemory},
	{words: "fatal error: runtime: cannot allocate memory", kind: backup.Unavailable, hint: memoryHint, wordy: true, cause: ErrMemory},
	{words: "repository is already locked", kind: backup.Unavailable, hint: "another restic holds an exclusive lock"},
}

const memoryHint = "restic needs more memory than is left for it, since it holds the repository's index: raise the memory limit of its container"

const noRepositoryHint = "there is no repository there; make one with `soteria repository init` if this is meant to be a new one"

// judge finds what restic's words mean.
func judge(words string) (verdict, bool) {
	for _, v := range verdicts {
		if !strings.Contains(words, v.words) {
			continue
		}
		if v.config && !strings.Contains(words, "unable to open config file") {
			continue
		}
		return v, true
	}
	return verdict{}, false
}

// exitError turns a run that ended with a status other than 0 into an error of
// a kind: by the status where it tells, by what the words mean (nil: nothing
// known), or otherwise.
func exitError(code int, stderr string, meaning *verdict, otherwise backup.Kind) error {
	exit := &ExitError{Code: code, Stderr: stderr}
	var found verdict
	known := meaning != nil
	if known {
		found = *meaning
	}
	switch {
	case known && found.wordy:
		return &backup.Error{Kind: found.kind, Message: found.hint, Err: found.cause}
	case known && found.absent && (code == exitNoRepository || code == 1):
		return &backup.Error{Kind: found.kind, Message: explain(exit, found.hint), Err: errors.Join(ErrNoRepository, exit)}
	case code == exitNoRepository:
		return &backup.Error{Kind: backup.RepositoryAbsent, Message: explain(exit, noRepositoryHint), Err: errors.Join(ErrNoRepository, exit)}
	case code == exitWrongPassword:
		return &backup.Error{Kind: backup.Credentials, Message: explain(exit, verdicts[0].hint), Err: exit}
	case code == exitLocked:
		return &backup.Error{Kind: backup.Unavailable, Message: explain(exit, "another restic holds an exclusive lock"), Err: exit}
	case known && !found.absent:
		return &backup.Error{Kind: found.kind, Message: explain(exit, found.hint), Err: exit}
	default:
		return &backup.Error{Kind: otherwise, Message: explain(exit, ""), Err: exit}
	}
}

func explain(exit *ExitError, hint string) string {
	if hint == "" {
		return "restic: " + exit.Error()
	}
	return fmt.Sprintf("restic: %s (%s)", exit.Error(), hint)
}

// retryPattern is how restic announces that it will try an operation again.
var retryPattern = regexp.MustCompile(`^(.+) returned error, retrying after [^:]+: (.*)$`)

// TriesAgain reports whether a line of restic's error output says that an operation
// failed and will be tried again.
func TriesAgain(line string) bool { return retryPattern.MatchString(line) }

// Recovered reports whether a line of restic's error output says that an operation
// which was tried again has succeeded.
func Recovered(line string) bool { return recoveredPattern.MatchString(line) }

var recoveredPattern = regexp.MustCompile(`^.+ operation successful after \d+ retries$`)

// lockGonePattern is how restic tells of a lock that is not there any more, as
// S3, a REST server and a file system say it; since 0.17 without announcing that
// it will ask again.
var lockGonePattern = regexp.MustCompile(`^Load\(<lock/\w+>.*\) (returned error, retrying after [^:]+|failed): .*(does not exist|\(404\)|no such file or directory)`)

// LockGone reports whether a line of restic's error output says that it could not
// read a lock because that is gone. A lock is given up whenever a restic ends, so
// this is no failure; but restic then waits: up to 0.16 it asks for that lock again
// for about a minute, since 0.17 it rests as --retry-lock has it.
func LockGone(line string) bool { return lockGonePattern.MatchString(line) }

// lockStaysPattern is how restic tells that it may not remove a lock, or could not.
var lockStaysPattern = regexp.MustCompile(`^(Remove\(<lock/\w+>\) (returned error, retrying after|failed)|error while unlocking|unable to remove lock )`)

// LockStays reports whether a line of restic's error output says that it could not
// remove a lock: keys that may write and not delete are one cause. The lock keeps
// no backup away, and restic takes it for left over after half an hour.
func LockStays(line string) bool { return lockStaysPattern.MatchString(line) }

// unreadPattern is how restic tells that a snapshot is not there, as it announces that
// it will ask again, and that it cannot be read, as it gives up; gonePattern finds the
// first among both. That a store could not be asked says nothing of the snapshot.
var (
	unreadPattern = regexp.MustCompile(`^(?:Load\(<snapshot/(\w+)>.*\) (?:returned error, retrying after [^:]+|failed): .*` + gone + `|.*failed to load snapshot (\w+):)`)
	gonePattern   = regexp.MustCompile(gone)
)

const gone = `(?:does not exist|\(404\)|no such file or directory)`

// SnapshotUnread reports whether a line of restic's error output says that the
// snapshot of that id cannot be read, and whether because it is not there.
func SnapshotUnread(line, id string) (unread, gone bool) {
	match := unreadPattern.FindStringSubmatch(line)
	if match == nil || id == "" || !strings.HasPrefix(id, match[1]+match[2]) {
		return false, false
	}
	return true, gonePattern.MatchString(line)
}

// Harmless reports whether a line of restic's error output says nothing about
// the completeness of what it prints: a retry that may yet succeed, or trouble
// with its own cache.
func Harmless(line string) bool {
	return line == "" || retryPattern.MatchString(line) || harmlessPattern.MatchString(line)
}

var harmlessPattern = regexp.MustCompile(`^(.+ operation successful after \d+ retries|unable to (open cache|find old cache directories|remove ).*)$`)

// message is a JSON message that restic writes on its error output.
type message struct {
	Type    string `json:"message_type"`
	Message string `json:"message"`
	Item    string `json:"item"`
	During  string `json:"during"`
	Error   any    `json:"error"`
}

// Words gives the words of a line of restic's error output for people: what a
// JSON message says, or the line itself.
func Words(line string) string {
	m, ok := parseMessage(line)
	switch {
	case !ok:
		return strings.TrimSpace(line)
	case m.Type == "exit_error":
		return strings.TrimSpace(m.Message)
	default:
		return strings.TrimSpace(m.Item + ": " + m.errorText())
	}
}

// FileError reads a line in which restic says that it could not read or write
// a file, in any of the forms of its versions: the file and the reason. What
// its scan for a total says is passed over, since the work itself says it again.
func FileError(line string) (item, reason string, found bool) {
	if m, ok := parseMessage(line); ok {
		if m.Type != "error" || m.During == "scan" {
			return "", "", false
		}
		return m.Item, m.errorText(), true
	}
	if rest, ok := strings.CutPrefix(line, "ignoring error for "); ok {
		item, reason, _ = strings.Cut(rest, ": ")
		return item, reason, true
	}
	return "", "", false
}

func parseMessage(line string) (message, bool) {
	var m message
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &m) != nil || m.Type == "" {
		return message{}, false
	}
	return m, true
}

// errorText finds the reason: since 0.17 an object with a message; before, Go's
// own JSON of an error, which often keeps no more than its parts.
func (m message) errorText() string {
	parts, ok := m.Error.(map[string]any)
	if !ok {
		return fmt.Sprint(m.Error)
	}
	if text, ok := parts["message"].(string); ok {
		return text
	}
	var words []string
	for _, part := range []string{"Op", "Path", "Err"} {
		if value, ok := parts[part]; ok {
			words = append(words, reasonText(value))
		}
	}
	if len(words) == 0 {
		return "restic could not read it"
	}
	return strings.ReplaceAll(strings.Join(words, " "), " : ", ": ")
}

func reasonText(value any) string {
	if number, ok := value.(float64); ok {
		return ": " + syscall.Errno(number).Error()
	}
	return fmt.Sprint(value)
}
