// Package longhorntest is a small Longhorn for the driver's own tests: the calls that the driver makes, over HTTP, on
// images in a folder. It refuses what the real one refuses of those calls, and what a test tells it to refuse.
package longhorntest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/soteria-dr/soteria/e2e/tools/csi/longhorn/api"
)

// Node is the only node there is.
const Node = "node-a"

// errNotFound is answered with 404, other errors with 500.
var errNotFound = errors.New("not found")

// Longhorn is the server. Its fields may be set before it is used, its methods called at any time.
type Longhorn struct {
	// URL is where it answers.
	URL string
	// Dir is the folder of the images.
	Dir string

	mu       sync.Mutex
	volumes  map[string]*volume
	refusals map[string]string
}

// volume is a volume with what it was asked to be.
type volume struct {
	api.Volume
	Asked api.NewVolume `json:"-"`
}

// Start starts a Longhorn that ends with the test.
func Start(t *testing.T) *Longhorn {
	t.Helper()
	l := &Longhorn{Dir: t.TempDir(), volumes: map[string]*volume{}, refusals: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/volumes/{name}", l.get)
	mux.HandleFunc("POST /v1/volumes", l.create)
	mux.HandleFunc("DELETE /v1/volumes/{name}", l.delete)
	mux.HandleFunc("POST /v1/volumes/{name}", l.act)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	l.URL = server.URL
	return l
}

// Refuse makes a call fail from now on, such as "create" or "attach", with a message; an empty one ends that.
func (l *Longhorn) Refuse(call, message string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refusals[call] = message
}

// Change changes a volume behind the driver's back.
func (l *Longhorn) Change(name string, change func(*api.Volume)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.volumes[name].Volume)
}

// Asked returns what a volume was asked to be, or false if there is no such volume.
func (l *Longhorn) Asked(name string) (api.NewVolume, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, found := l.volumes[name]
	if !found {
		return api.NewVolume{}, false
	}
	return v.Asked, true
}

// Volume returns a volume, or false if there is none of that name.
func (l *Longhorn) Volume(name string) (api.Volume, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, found := l.volumes[name]
	if !found {
		return api.Volume{}, false
	}
	return v.Volume, true
}

func (l *Longhorn) image(name string) string { return filepath.Join(l.Dir, name+".img") }

func (l *Longhorn) get(w http.ResponseWriter, r *http.Request) {
	l.answer(w, "get", r.PathValue("name"), func(*volume) error { return nil })
}

func (l *Longhorn) create(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused(w, "create") {
		return
	}
	var asked api.NewVolume
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	if _, exists := l.volumes[asked.Name]; exists {
		refuse(w, http.StatusInternalServerError, "already exists")
		return
	}
	if asked.NumberOfReplicas == 0 {
		refuse(w, http.StatusInternalServerError, "the number of replicas is 0")
		return
	}
	if asked.Migratable && asked.AccessMode != api.AccessReadWriteMany {
		refuse(w, http.StatusInternalServerError, "failed to create volume: unable to create volume "+asked.Name+
			`: admission webhook "validator.longhorn.io" denied the request: migratable volumes are only supported in ReadWriteMany (rwx) access mode`)
		return
	}
	made := &volume{Asked: asked, Volume: api.Volume{
		Name: asked.Name, Size: asked.Size, State: api.StateDetached, Ready: true,
		AccessMode: asked.AccessMode, Encrypted: asked.Encrypted,
		Controllers: []api.Controller{{Size: asked.Size}},
		Attachments: api.VolumeAttachment{Attachments: map[string]api.Attachment{}},
	}}
	if err := truncate(l.image(asked.Name), asked.Size); err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	l.volumes[asked.Name] = made
	write(w, made)
}

func (l *Longhorn) delete(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := r.PathValue("name")
	if l.refused(w, "delete") {
		return
	}
	if _, found := l.volumes[name]; !found {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	delete(l.volumes, name)
	if err := os.Remove(l.image(name)); err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
	}
}

// act makes an action of a volume.
func (l *Longhorn) act(w http.ResponseWriter, r *http.Request) {
	var input struct {
		HostID       string    `json:"hostId"`
		AttachmentID string    `json:"attachmentID"`
		Size         api.Bytes `json:"size"`
		AccessMode   string    `json:"accessMode"`
	}
	if err := json.NewDecoder(r.Body).Decode(&input); err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	action := r.URL.Query().Get("action")
	l.answer(w, action, r.PathValue("name"), func(v *volume) error {
		switch action {
		case "attach":
			if input.HostID != Node {
				return fmt.Errorf("%w: nodes.longhorn.io %q not found", errNotFound, input.HostID)
			}
			v.State = api.StateAttached
			v.Attachments.Attachments[input.AttachmentID] = api.Attachment{NodeID: input.HostID, Satisfied: true}
		case "detach":
			delete(v.Attachments.Attachments, input.AttachmentID)
			if len(v.Attachments.Attachments) == 0 {
				v.State = api.StateDetached
			}
		case "expand":
			v.Size, v.Controllers[0].Size = input.Size, input.Size
			return truncate(l.image(v.Name), input.Size)
		case "updateAccessMode":
			v.AccessMode = input.AccessMode
		default:
			return fmt.Errorf("unknown action %q", action)
		}
		return nil
	})
}

// answer changes a volume and answers with it.
func (l *Longhorn) answer(w http.ResponseWriter, call, name string, change func(*volume) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused(w, call) {
		return
	}
	v, found := l.volumes[name]
	if !found {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if err := change(v); err != nil {
		code := http.StatusInternalServerError
		if errors.Is(err, errNotFound) {
			code = http.StatusNotFound
		}
		refuse(w, code, err.Error())
		return
	}
	write(w, v)
}

// refused refuses a call if it is to be refused.
func (l *Longhorn) refused(w http.ResponseWriter, call string) bool {
	message := l.refusals[call]
	if message != "" {
		refuse(w, http.StatusInternalServerError, message)
	}
	return message != ""
}

func refuse(w http.ResponseWriter, code int, message string) {
	w.Header().Set("Content-Type", "text/plain") // as Longhorn has it
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "error", "status": code, "message": strings.TrimSpace(message)})
}

func write(w http.ResponseWriter, v *volume) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v.Volume)
}

func truncate(path string, size api.Bytes) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := file.Truncate(int64(size)); err != nil {
		return err
	}
	return file.Close()
}
