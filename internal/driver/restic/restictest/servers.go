package restictest

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/tooltest"
)

// The keys of the S3 servers and the login of the rest-servers that tests start.
const (
	AccessKey = "soteria-test"
	SecretKey = "a secret key of a test"
	Bucket    = "backups"

	RestUser     = "soteria"
	RestPassword = "a login of a test"
)

// Server is a server process of a test, on a port of the loopback interface
// that stays its own when it is stopped and started again.
type Server struct {
	// Host is its address, host:port.
	Host string
	// Folder holds what it serves.
	Folder  string
	program string
	args    func(s *Server) []string
	env     []string
	cmd     *exec.Cmd
}

// StartS3 starts an S3 server that holds one bucket, [Bucket]. It is stopped when
// the test ends.
func StartS3(t testing.TB) *Server {
	t.Helper()
	s := &Server{
		program: tooltest.Build(t, "versitygw", "versitygw"), Folder: t.TempDir(),
		env: []string{"ROOT_ACCESS_KEY=" + AccessKey, "ROOT_SECRET_KEY=" + SecretKey},
		args: func(s *Server) []string {
			return []string{"--port", s.Host, "--quiet", "posix", s.Folder}
		},
	}
	require.NoError(t, os.Mkdir(filepath.Join(s.Folder, Bucket), 0o750))
	s.Host = freePort(t)
	s.Start(t)
	return s
}

// Env is the environment that lets restic in.
func (s *Server) Env() []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + AccessKey, "AWS_SECRET_ACCESS_KEY=" + SecretKey,
		"RESTIC_REST_USERNAME=" + RestUser, "RESTIC_REST_PASSWORD=" + RestPassword,
	}
}

// StartRest starts a rest-server that asks for [RestUser] and [RestPassword]. It
// is stopped when the test ends.
func StartRest(t testing.TB) *Server {
	t.Helper()
	folder := t.TempDir()
	digest := sha1.Sum([]byte(RestPassword))
	login := fmt.Sprintf("%s:{SHA}%s\n", RestUser, base64.StdEncoding.EncodeToString(digest[:]))
	logins := filepath.Join(t.TempDir(), "htpasswd")
	require.NoError(t, os.WriteFile(logins, []byte(login), 0o600))
	s := &Server{
		program: tooltest.Build(t, "rest-server", "rest-server"), Folder: folder,
		args: func(s *Server) []string {
			return []string{"--listen", s.Host, "--path", s.Folder, "--htpasswd-file", logins}
		},
	}
	s.Host = freePort(t)
	s.Start(t)
	return s
}

// Start starts the server and waits until it takes connections.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	require.Nil(t, s.cmd, "the server runs already")
	cmd := exec.CommandContext(context.Background(), s.program, s.args(s)...)
	cmd.Env = append(os.Environ(), s.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, cmd.Start())
	s.cmd = cmd
	t.Cleanup(func() { s.Stop(t) })
	require.Eventually(t, func() bool {
		conn, err := net.DialTimeout("tcp", s.Host, time.Second)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}, 30*time.Second, 10*time.Millisecond, "%s takes connections", s.program)
}

// Stop kills the server; one that does not run is left alone.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// freePort gives an address that nobody listens on.
func freePort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}
