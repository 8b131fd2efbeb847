package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/secret"
)

// Program is the restic program, pointed at one repository.
type Program struct {
	// Path is the program's file; a bare name is looked up in PATH.
	Path        string
	Location    Location
	Credentials Credentials
	// Region is the S3 region; empty lets restic find it.
	Region string
	// CacheDir is where restic keeps its cache; it makes the folder. Several
	// runs at once may share it.
	CacheDir string
	// Patient leaves trouble that may pass to restic's own retries, which go on
	// for fifteen minutes: right where work would be lost. Else a few retries
	// of the same operation end the run.
	Patient bool
	// Grace is how long restic may take to give up its lock and end when ctx
	// ends. With none it is killed at once, right for runs that take no lock.
	Grace time.Duration
	// MaxMemory is how much memory restic may take, in bytes; 0 does not bound it. A
	// run that needs more ends with an error that says so.
	MaxMemory int64
	// Watcher, when set, watches each run.
	Watcher Watcher
}

// CacheFolder is the folder, in that of a mover's temporary files, of restic's cache.
const CacheFolder = "restic-cache"

// Watcher watches runs of restic, one at a time. Its functions must not block.
type Watcher interface {
	// Watch is called before restic starts. It returns the run to make in place of in,
	// whose output it may read along; began, which is called with the id of restic's
	// process; and ended, which is called once restic has ended or did not start.
	Watch(in Invocation) (watched Invocation, began func(pid int), ended func())
}

// Invocation is one run of restic.
type Invocation struct {
	// Args are restic's arguments, the command first.
	Args []string
	// Input is what restic reads on its standard input.
	Input string
	// InputFile is the file that it reads there instead. What a pipe brings ends when
	// this process does, which restic would take for the end of the input.
	InputFile string
	// Stdout reads what restic prints, up to the end, on the caller's
	// goroutine. Its error ends the run. Nil drops the output.
	Stdout func(io.Reader) error
	// Stderr sees each line of restic's error output, without secrets, on a
	// goroutine of its own that has ended when Run returns.
	Stderr func(line string)
	// Otherwise is the kind of a failure whose words are not known.
	Otherwise backup.Kind
}

// The bounds of what is kept of restic's error output.
const (
	stderrTail = 4 << 10
	lineLimit  = 64 << 10
)

// severalRetries is how often restic may announce that it tries the same
// operation again before that counts as hopeless.
const severalRetries = 3

// fled bounds how long the output of a run that has ended is read: all processes of
// restic's group have ended by then, and what they wrote is read without delay unless
// the machine is starved. Only a process that left the group could keep it open.
const fled = time.Minute

// Run runs restic. A nil error means that it exited with status 0 and that
// Stdout read its output to the end without error. Errors carry a kind and
// restic's own words, with every secret taken out; one because ctx ended is
// Unavailable.
//
// restic runs in a process group of its own, which is ended as a whole, gets
// its secrets through its environment, and of this process's environment no
// more than it needs.
func (p Program) Run(ctx context.Context, in Invocation) error {
	if p.Watcher == nil {
		return p.run(ctx, in, func(int) {})
	}
	watched, began, ended := p.Watcher.Watch(in)
	defer ended()
	return p.run(ctx, watched, began)
}

// run is Run; began is called with the id of restic's process.
func (p Program) run(ctx context.Context, in Invocation, began func(pid int)) error {
	runCtx, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	cmd := exec.CommandContext(runCtx, p.Path, in.Args...) // #nosec G204 -- an argv of validated parts, no shell
	cmd.Env = p.environ()
	if in.Input != "" {
		cmd.Stdin = strings.NewReader(in.Input)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	signal := syscall.SIGINT // restic before 0.17 gives its lock up for no other
	if p.Grace == 0 {
		signal = syscall.SIGKILL
	}
	running := &group{leader: cmd}
	cmd.Cancel = func() error { return running.endIn(p.Grace+time.Second, signal) }
	cmd.WaitDelay = p.Grace + fled

	reader, writer := io.Pipe()
	watch := &watcher{secrets: p.Credentials, patient: p.Patient, line: in.Stderr, giveUp: stop, retries: map[string]int{}}
	cmd.Stdout, cmd.Stderr = writer, watch
	if in.InputFile != "" {
		file, err := os.Open(in.InputFile) // #nosec G304 -- a file that the caller made
		if err != nil {
			return backup.Errorf(backup.Internal, "opening what restic is to read: %w", err)
		}
		defer file.Close() //nolint:errcheck // only read from
		cmd.Stdin = file
	}

	if err := cmd.Start(); err != nil {
		return backup.Errorf(backup.Unavailable, "starting restic: %w", err)
	}
	began(cmd.Process.Pid)
	if p.MaxMemory > 0 {
		if err := bound(cmd.Process.Pid, p.MaxMemory); err != nil && !errors.Is(err, syscall.ESRCH) {
			stop(backup.Errorf(backup.Unavailable, "bounding the memory of restic: %w", err))
			watch.reason = context.Cause(runCtx)
		}
	}
	waited := make(chan error, 1)
	go func() {
		running.awaitLeader()
		err := cmd.Wait()
		watch.end()
		waited <- err // before the output ends, so that it is there when the reader is done
		_ = writer.Close()
	}()

	readErr := read(in.Stdout, reader)
	if readErr != nil {
		stop(readErr)
		_ = reader.CloseWithError(readErr)
	}
	waitErr := <-waited
	return outcome(ctx, in, watch, readErr, waitErr)
}

// RunWhole is [Program.Run] for what is believed only if all of it was read. restic
// exits with status 0 although it could not read everything, and says so on its
// error output alone; whatever it says there and is not known to be harmless is an
// error of kind Unavailable that names what was read.
func RunWhole(ctx context.Context, restic Runner, in Invocation, what string) error {
	var complaint string
	in.Stderr = func(line string) {
		if complaint == "" && !Harmless(line) {
			complaint = Words(line)
		}
	}
	if err := restic.Run(ctx, in); err != nil {
		return err
	}
	if complaint != "" {
		return backup.Errorf(backup.Unavailable, "%s may not be whole; restic said: %s", what, complaint)
	}
	return nil
}

// outcome says how a run ended, the most telling cause first: the caller's own
// end, the reason this package ended it, restic's failure, the reader's.
func outcome(ctx context.Context, in Invocation, watch *watcher, readErr, waitErr error) error {
	said := watch.said()
	var exit *exec.ExitError
	exited := errors.As(waitErr, &exit)
	switch {
	case ctx.Err() != nil:
		message := "restic did not end in time"
		if errors.Is(ctx.Err(), context.Canceled) {
			message = "restic was stopped before its end"
		}
		if said != "" {
			message += "; it said: " + said
		}
		return &backup.Error{Kind: backup.Unavailable, Message: message, Err: ctx.Err()}
	case watch.reason != nil:
		return watch.reason
	case exited && exit.ExitCode() > 0:
		return exitError(exit.ExitCode(), said, watch.meaning, in.Otherwise)
	case exited && readErr == nil:
		return backup.Errorf(in.Otherwise, "restic was ended from outside: %w", waitErr)
	case readErr != nil && waitErr != nil:
		return backup.Errorf(in.Otherwise, "reading what restic printed: %w (%v)", readErr, waitErr)
	case readErr != nil:
		return backup.Errorf(in.Otherwise, "reading what restic printed: %w", readErr)
	case waitErr != nil:
		return backup.Errorf(in.Otherwise, "running restic: %w", waitErr)
	default:
		return nil
	}
}

func read(stdout func(io.Reader) error, from io.Reader) error {
	if stdout != nil {
		if err := stdout(from); err != nil {
			return err
		}
	}
	_, err := io.Copy(io.Discard, from)
	return err
}

// inherited are the variables of this process's environment that restic gets:
// where programs and temporary files are, whom to trust, how to reach out.
var inherited = []string{
	"PATH", "HOME", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
}

func (p Program) environ() []string {
	env := []string{
		"RESTIC_REPOSITORY=" + p.Location.Text,
		"RESTIC_CACHE_DIR=" + p.CacheDir,
		"RESTIC_PROGRESS_FPS=1",
		// It reads times without a zone, such as that of --time, in its own.
		"TZ=UTC",
		// No asking a cloud's metadata service for other credentials.
		"AWS_EC2_METADATA_DISABLED=true",
	}
	if p.MaxMemory > 0 {
		// Garbage is collected before it comes to that.
		env = append(env, fmt.Sprintf("GOMEMLIMIT=%d", p.MaxMemory/4*3))
	}
	if p.Region != "" {
		env = append(env, "AWS_DEFAULT_REGION="+p.Region)
	}
	for _, name := range inherited {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	return append(env, p.Credentials.environ()...)
}

// watcher takes restic's error output apart into lines, keeps their end, and
// gives a run up whose retries cannot help. It is written to by one goroutine,
// the one that exec starts, and read once that has ended.
type watcher struct {
	secrets Credentials
	patient bool
	line    func(string)
	giveUp  func(error)
	retries map[string]int
	partial []byte
	tail    []byte
	// meaning is that of the last line whose words are known.
	meaning *verdict
	reason  error
}

// Write implements [io.Writer]; it never fails.
func (w *watcher) Write(chunk []byte) (int, error) {
	size := len(chunk)
	for {
		line, rest, complete := bytes.Cut(chunk, []byte("\n"))
		if room := lineLimit - len(w.partial); room > 0 {
			w.partial = append(w.partial, line[:min(room, len(line))]...)
		}
		if !complete {
			return size, nil
		}
		w.flush()
		chunk = rest
	}
}

// end takes what is left as a line.
func (w *watcher) end() {
	if len(w.partial) > 0 {
		w.flush()
	}
}

// flush takes a line. It is judged as restic wrote it, since a secret may well
// be a word of restic's, and kept and passed on without any secret.
func (w *watcher) flush() {
	raw := strings.TrimRight(string(w.partial), "\r")
	w.partial = w.partial[:0]
	if raw == "" {
		return
	}
	line := scrub(raw, w.secrets)
	w.keep(line)
	if found, known := judge(Words(raw)); known {
		w.meaning = &found
	}
	w.judgeRetry(raw)
	if w.line != nil {
		w.line(line)
	}
}

func (w *watcher) keep(line string) {
	w.tail = append(w.tail, Words(line)...)
	w.tail = append(w.tail, '\n')
	if over := len(w.tail) - stderrTail; over > 0 {
		w.tail = append(w.tail[:0], w.tail[over:]...)
	}
}

func (w *watcher) judgeRetry(line string) {
	match := retryPattern.FindStringSubmatch(line)
	if match == nil || w.reason != nil {
		return
	}
	if w.patient && LockStays(line) {
		return // whether that ends the work is for the mover to say
	}
	operation, words := match[1], match[2]
	w.retries[operation]++
	several := w.retries[operation] >= severalRetries
	found, known := judge(words)
	lasting := known && found.kind != backup.Unavailable
	switch {
	case lasting && (several || !w.patient):
		w.reason = &backup.Error{Kind: found.kind, Message: fmt.Sprintf("restic: %s (%s)", scrub(words, w.secrets), found.hint)}
	case several && !w.patient:
		w.reason = &backup.Error{Kind: backup.Unavailable, Message: "restic: " + scrub(words, w.secrets)}
	default:
		return
	}
	w.giveUp(w.reason)
}

func (w *watcher) said() string { return strings.TrimSpace(strings.ToValidUTF8(string(w.tail), "�")) }

var userinfoPattern = regexp.MustCompile(`://[^/@\s]*@`)

func withoutUserinfo(text string) string {
	return userinfoPattern.ReplaceAllString(text, "://"+secret.Redacted+"@")
}

// scrub takes every secret out of a text.
func scrub(text string, secrets Credentials) string {
	for _, value := range secrets {
		if plain := value.Reveal(); plain != "" {
			text = strings.ReplaceAll(text, plain, secret.Redacted)
		}
	}
	return withoutUserinfo(text)
}
