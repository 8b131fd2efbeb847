package process

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Daemon describes a program that runs in the background.
type Daemon struct {
	// Name is unique among the daemons of a Keeper.
	Name string
	// Path is the program, Args its arguments without the program's name.
	Path string
	Args []string
	// Configs are files that the program reads when it starts: a change in
	// one means that it must be started anew.
	Configs []string
	// Log is the file that its output is appended to.
	Log string
	// Grace is how long it may take to end. Zero means ten seconds.
	Grace time.Duration
}

// Keeper starts and stops daemons and keeps records of them.
type Keeper struct {
	// Dir is the folder of the records, one file for each daemon.
	Dir string
	// Mark is an environment entry that every daemon gets.
	Mark string
}

// Record is what is known of a started daemon.
type Record struct {
	Name string `json:"name"`
	Identity
	// Fingerprint is a hash of all that the daemon was started with.
	Fingerprint string `json:"fingerprint"`
	// Grace is how long it may take to end.
	Grace time.Duration `json:"grace"`
}

// Ensure makes the daemon run as described and says whether it had to start
// it. A daemon that runs with another program, arguments or configuration is
// stopped first.
func (k Keeper) Ensure(ctx context.Context, d Daemon) (started bool, err error) {
	want, err := d.fingerprint()
	if err != nil {
		return false, fmt.Errorf("daemon %s: %w", d.Name, err)
	}
	rec, err := k.read(d.Name)
	if err != nil {
		return false, err
	}
	if rec.Alive() && rec.Fingerprint == want {
		return false, nil
	}
	if err := k.stop(ctx, rec); err != nil {
		return false, err
	}
	id, err := k.start(d)
	if err != nil {
		return false, fmt.Errorf("start daemon %s: %w", d.Name, err)
	}
	return true, k.write(Record{Name: d.Name, Identity: id, Fingerprint: want, Grace: d.grace()})
}

// Records returns what is known of the daemons, running or not.
func (k Keeper) Records() ([]Record, error) {
	files, err := filepath.Glob(filepath.Join(k.Dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("list daemons: %w", err)
	}
	var recs []Record
	for _, f := range files {
		name := filepath.Base(f)
		rec, err := k.read(name[:len(name)-len(".json")])
		if err != nil {
			return nil, err
		}
		recs = append(recs, rec)
	}
	return recs, nil
}

// Dead returns nil while the daemon runs, else an error with the end of its
// log.
func (k Keeper) Dead(d Daemon) error {
	rec, err := k.read(d.Name)
	if err != nil || rec.Alive() {
		return err
	}
	return fmt.Errorf("%s ended; its log %s ends with:\n%s", d.Name, d.Log, tail(d.Log))
}

// Stop stops a daemon by name, if it runs.
func (k Keeper) Stop(ctx context.Context, name string) error {
	rec, err := k.read(name)
	if err != nil {
		return err
	}
	return k.stop(ctx, rec)
}

// Kill kills a daemon by name, if it runs.
func (k Keeper) Kill(ctx context.Context, name string) error {
	rec, err := k.read(name)
	if err != nil {
		return err
	}
	if rec.Alive() {
		if err := Kill(ctx, rec.Identity); err != nil {
			return fmt.Errorf("kill daemon %s: %w", name, err)
		}
	}
	return k.stop(ctx, rec)
}

func (k Keeper) stop(ctx context.Context, rec Record) error {
	if rec.Alive() {
		if err := Stop(ctx, rec.Grace, rec.Identity); err != nil {
			return fmt.Errorf("stop daemon %s: %w", rec.Name, err)
		}
	}
	err := os.Remove(k.file(rec.Name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget daemon %s: %w", rec.Name, err)
	}
	return nil
}

func (k Keeper) start(d Daemon) (Identity, error) {
	log, err := os.OpenFile(d.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return Identity{}, fmt.Errorf("open log: %w", err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(d.Path, d.Args...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), k.Mark)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return Identity{}, err
	}
	id, err := Identify(cmd.Process.Pid)
	go func() { _ = cmd.Wait() }() // no zombie while this program runs
	return id, err
}

func (k Keeper) file(name string) string { return filepath.Join(k.Dir, name+".json") }

// read returns the record of a daemon, or one without a process if there is
// none, or only half of one, written when the machine went down.
func (k Keeper) read(name string) (Record, error) {
	none := Record{Name: name}
	data, err := os.ReadFile(k.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return none, fmt.Errorf("read record of daemon %s: %w", name, err)
	}
	var rec Record
	if json.Unmarshal(data, &rec) != nil || rec.Name != name {
		rec = none
	}
	return rec, nil
}

func (k Keeper) write(rec Record) error {
	data, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("encode record of daemon %s: %w", rec.Name, err)
	}
	tmp := k.file(rec.Name) + ".new"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return fmt.Errorf("write record of daemon %s: %w", rec.Name, err)
	}
	if err := os.Rename(tmp, k.file(rec.Name)); err != nil {
		return fmt.Errorf("write record of daemon %s: %w", rec.Name, err)
	}
	return nil
}

// tail returns the last part of a file, as far as it can be read.
func tail(path string) string {
	const most = 4096
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-most):])
}

func (d Daemon) grace() time.Duration {
	if d.Grace == 0 {
		return 10 * time.Second
	}
	return d.Grace
}

func (d Daemon) fingerprint() (string, error) {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%q %q\n", d.Path, d.Args)
	for _, f := range d.Configs {
		data, err := os.ReadFile(f)
		if err != nil {
			return "", fmt.Errorf("read configuration: %w", err)
		}
		_, _ = fmt.Fprintf(h, "%q %d\n", f, len(data))
		_, _ = h.Write(data)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
