package process

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// helperEnv makes the test binary a process that runs until it is stopped.
const helperEnv = "PROCESS_TEST_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(helperEnv) != "" {
		for {
			_ = syscall.Pause()
		}
	}
	os.Exit(m.Run())
}

func TestParseStatWithOddName(t *testing.T) {
	line := []byte("42 (a ) S 1 (x) R 7 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 987654 0 0")
	st, err := parseStat(line)
	if err != nil {
		t.Fatal(err)
	}
	if st.state != 'R' || st.parent != 7 || st.start != 987654 {
		t.Errorf("got state %c, parent %d, start %d", st.state, st.parent, st.start)
	}
	for _, bad := range []string{"", "42", "42 (a)", "42 (a) R 7"} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("status %q was accepted", bad)
		}
	}
}

func TestRecycledPIDIsNeverSignalled(t *testing.T) {
	cmd := helper(t)
	real, err := Identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	otherStart, otherBoot := real, real
	otherStart.Start--
	otherBoot.Boot = "another boot"
	for _, id := range []Identity{otherStart, otherBoot, {}} {
		if id.Alive() {
			t.Errorf("%+v is taken for %+v", id, real)
		}
		if id.PID == 0 {
			continue
		}
		if err := id.Signal(syscall.SIGKILL); !errors.Is(err, ErrGone) {
			t.Errorf("signal to %+v: got %v, want ErrGone", id, err)
		}
	}
	if !real.Alive() {
		t.Error("the process was killed through a stale identity")
	}
}

func TestZombieIsGone(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	id, err := Identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := Kill(deadline(t), id); err != nil {
		t.Fatal(err)
	}
	if id.Alive() {
		t.Error("a killed process that nobody waited for counts as alive")
	}
	_ = cmd.Wait()
}

func TestKeeperStartsOnceAndAnewOnChange(t *testing.T) {
	t.Setenv(helperEnv, "1")
	dir := t.TempDir()
	config := filepath.Join(dir, "config")
	writeFile(t, config, "a")
	mark := "PROCESS_TEST_MARK=" + dir
	k := Keeper{Dir: dir, Mark: mark}
	d := Daemon{Name: "d", Path: os.Args[0], Configs: []string{config}, Log: filepath.Join(dir, "log")}
	ctx := deadline(t)
	t.Cleanup(func() { _ = k.Stop(context.Background(), "d") })

	ensure := func(want bool) Identity {
		t.Helper()
		started, err := k.Ensure(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		if started != want {
			t.Fatalf("started = %v, want %v", started, want)
		}
		recs, err := k.Records()
		if err != nil || len(recs) != 1 || !recs[0].Alive() {
			t.Fatalf("records %+v, error %v", recs, err)
		}
		return recs[0].Identity
	}
	first := ensure(true)
	if again := ensure(false); again != first {
		t.Errorf("second call: %+v, first %+v", again, first)
	}
	writeFile(t, config, "b")
	second := ensure(true)
	if first.Alive() || second == first {
		t.Error("a changed configuration did not replace the process")
	}
	writeFile(t, filepath.Join(dir, "d.json"), `{"name":"d","pi`)
	orphan := second
	third := ensure(true)
	found, err := Marked(mark)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 {
		t.Errorf("marked processes: %+v, want %+v and %+v", found, orphan, third)
	}
	if err := Stop(ctx, time.Minute, found...); err != nil {
		t.Fatal(err)
	}
	if orphan.Alive() || third.Alive() {
		t.Error("a stopped process still runs")
	}
}

func helper(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
