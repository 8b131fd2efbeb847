package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/secret"
)

// listType is the second version of restic's REST protocol (restic's manual, "REST
// Backend"); servers that speak only the first answer with another type.
const listType = "application/vnd.x.restic.rest.v2"

// maxList bounds a list of snapshots, in bytes: about 100 for each.
const maxList = 256 << 20

// server is a repository on a rest-server.
type server struct {
	base               string
	user, password     secret.String
	client             *http.Client
	closeIdleTransport func()
}

func openServer(location cli.Location, credentials cli.Credentials, observe Observer) (*server, error) {
	address, err := url.Parse(strings.TrimPrefix(location.Text, "rest:"))
	if err != nil {
		return nil, backup.Errorf(backup.Internal, "the address of the repository cannot be read")
	}
	transport, isTransport := http.DefaultTransport.(*http.Transport)
	if !isTransport {
		return nil, backup.Errorf(backup.Internal, "the process has a transport of its own")
	}
	own := transport.Clone()
	return &server{
		base: strings.TrimSuffix(address.String(), "/") + "/",
		user: credentials[cli.KeyRestUsername], password: credentials[cli.KeyRestPassword],
		client: &http.Client{
			Transport: observe("the rest-server at "+address.Host, own),
			// A server that sends its visitors elsewhere is no rest-server, and must
			// not have the password sent there.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		closeIdleTransport: own.CloseIdleConnections,
	}, nil
}

func (s *server) names(ctx context.Context, folder string, each func(string)) error {
	body, err := s.get(ctx, folder+"/", listType)
	if err != nil {
		return err
	}
	defer body.Close() // it was only read
	decoder := json.NewDecoder(io.LimitReader(body, maxList))
	var files []struct {
		Name string `json:"name"`
	}
	if err := decoder.Decode(&files); err != nil {
		return s.unreadable("the list of "+folder, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return s.unreadable("the list of "+folder, fmt.Errorf("more follows its end"))
	}
	if files == nil {
		return s.unreadable("the list of "+folder, fmt.Errorf("it is no list"))
	}
	for _, file := range files {
		each(file.Name)
	}
	return nil
}

func (s *server) config(ctx context.Context) ([]byte, error) {
	body, err := s.get(ctx, "config", "")
	if err != nil {
		return nil, err
	}
	defer body.Close() // it was only read
	read, err := io.ReadAll(io.LimitReader(body, maxConfig+1))
	if err != nil {
		return nil, s.unreadable("the config", err)
	}
	return read, nil
}

// get returns the body of an answer of status 200 and of the wanted type. Each other
// answer proves nothing: a server says 404 for a folder that is not mounted, too.
func (s *server) get(ctx context.Context, name, wanted string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+name, nil)
	if err != nil {
		return nil, s.unreadable(name, err)
	}
	if wanted != "" {
		req.Header.Set("Accept", wanted)
	}
	req.Header.Set("Cache-Control", "no-cache") // for a proxy on the way
	if !s.user.IsEmpty() || !s.password.IsEmpty() {
		req.SetBasicAuth(s.user.Reveal(), s.password.Reveal())
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, s.unreadable(name, err)
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")) // none is not the wanted one
	switch {
	case resp.StatusCode != http.StatusOK:
		err = fmt.Errorf("the server answered %d", resp.StatusCode)
	case wanted != "" && kind != wanted:
		err = fmt.Errorf("the answer is of another type")
	default:
		return resp.Body, nil
	}
	_ = resp.Body.Close() // nothing is wanted of it
	return nil, s.unreadable(name, err)
}

func (s *server) unreadable(what string, err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err // its own words repeat the address
	}
	return backup.Errorf(backup.Unavailable, "reading %s of the rest-server: %w", what, err)
}

func (s *server) close() { s.closeIdleTransport() }
