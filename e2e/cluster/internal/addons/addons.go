package addons

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/soteria-dr/soteria/e2e/cluster/internal/health"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/kubectl"
	"github.com/soteria-dr/soteria/e2e/cluster/internal/layout"
)

// Bucket is made in the S3 store.
const Bucket = "soteria"

//go:embed manifests/*.yaml
var manifests embed.FS

// workload is a Deployment that the add-ons consist of.
type workload struct{ namespace, name string }

var workloads = []workload{
	{"kube-system", "coredns"},
	{"backup-store", "versitygw"},
	{"backup-store", "rest-server"},
	{"longhorn-system", "longhorn-manager"},
}

// services are the Services in front of the workloads.
var services = []struct{ name, port string }{
	{"kube-system/kube-dns", "53"},
	{"backup-store/s3", "7070"},
	{"backup-store/rest", "8000"},
	{"longhorn-system/longhorn-backend", strconv.Itoa(layout.PortLonghorn)},
}

const (
	answerTimeout = 2 * time.Minute
	dialTimeout   = time.Second
)

// Addons are those of one cluster.
type Addons struct {
	Layout  layout.Layout
	Kubectl kubectl.Client
	// Images maps the names coredns, versitygw, rest-server and longhorn to
	// images.
	Images map[string]string
	// CRDs is the file with Longhorn's custom resource definitions.
	CRDs string
	// LonghornBuild changes with Longhorn's program, which is ours: its pod
	// must be started anew then, though its image keeps its name.
	LonghornBuild string
}

// Ensure applies the add-ons and waits until they are ready. It does nothing
// if they are applied as they are now and ready.
func (a Addons) Ensure(ctx context.Context) error {
	if err := a.makeData(); err != nil {
		return err
	}
	crds, err := os.ReadFile(a.CRDs)
	if err != nil {
		return fmt.Errorf("read Longhorn's custom resource definitions: %w", err)
	}
	rendered, err := a.render()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(slices.Concat(crds, rendered))
	digest := hex.EncodeToString(sum[:])
	applied, err := os.ReadFile(a.note())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read which add-ons are applied: %w", err)
	}
	if string(applied) == digest && a.ready(ctx) && a.answer(ctx) == nil {
		return nil
	}
	// Longhorn needs its custom resources when it starts.
	if err := a.apply(ctx, crds); err != nil {
		return fmt.Errorf("apply Longhorn's custom resource definitions: %w", err)
	}
	if _, err := a.Kubectl.Run(ctx, crds, "wait", "--for=condition=Established", "--timeout=1m", "-f", "-"); err != nil {
		return fmt.Errorf("wait for Longhorn's custom resource definitions: %w", err)
	}
	if err := a.apply(ctx, rendered); err != nil {
		return fmt.Errorf("apply the add-ons: %w", err)
	}
	for _, w := range workloads {
		_, err := a.Kubectl.Run(ctx, nil, "rollout", "status", "--timeout=2m", "--namespace", w.namespace, "deployment/"+w.name)
		if err != nil {
			return fmt.Errorf("wait for add-on %s: %w", w.name, err)
		}
	}
	if err := a.awaitAnswers(ctx); err != nil {
		return err
	}
	if err := os.WriteFile(a.note(), []byte(digest), 0o600); err != nil {
		return fmt.Errorf("note which add-ons are applied: %w", err)
	}
	return nil
}

func (a Addons) apply(ctx context.Context, manifests []byte) error {
	_, err := a.Kubectl.Run(ctx, manifests, "apply", "--server-side", "--force-conflicts", "--field-manager=soteria-e2e", "-f", "-")
	return err
}

// ready says whether every workload has the one replica that it should have.
func (a Addons) ready(ctx context.Context) bool {
	out, err := a.Kubectl.Run(ctx, nil, "get", "deployments", "--all-namespaces", "--output",
		`jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}={.spec.replicas}/{.status.availableReplicas}{"\n"}{end}`)
	if err != nil {
		return false
	}
	for _, w := range workloads {
		if !strings.Contains("\n"+out, fmt.Sprintf("\n%s/%s=1/1\n", w.namespace, w.name)) {
			return false
		}
	}
	return true
}

// awaitAnswers waits until every Service answers.
func (a Addons) awaitAnswers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return health.Wait(ctx, "the add-ons' Services", func() error { return nil }, a.answer)
}

// answer returns nil if every Service takes connections. After a crash that
// may be false for a while although the API server still says that all is
// well.
func (a Addons) answer(ctx context.Context) error {
	out, err := a.Kubectl.Run(ctx, nil, "get", "services", "--all-namespaces", "--output",
		`jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} {.spec.clusterIP}{"\n"}{end}`)
	if err != nil {
		return fmt.Errorf("look up the add-ons' Services: %w", err)
	}
	addresses := map[string]string{}
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) == 2 {
			addresses[fields[0]] = fields[1]
		}
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	for _, s := range services {
		conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(addresses[s.name], s.port))
		if err != nil {
			return fmt.Errorf("connect to Service %s: %w", s.name, err)
		}
		_ = conn.Close()
	}
	return nil
}

// makeData makes the folders that the add-ons keep their data in. A folder in
// the S3 server's is a bucket.
func (a Addons) makeData() error {
	for _, dir := range []string{filepath.Join(a.s3Data(), Bucket), a.restData(), a.Layout.LonghornImages()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make the add-ons' data folder: %w", err)
		}
	}
	return nil
}

func (a Addons) render() ([]byte, error) {
	keys, err := a.s3Keys()
	if err != nil {
		return nil, err
	}
	t, err := template.New("").Option("missingkey=error").Funcs(template.FuncMap{"json": toJSON}).ParseFS(manifests, "manifests/*.yaml")
	if err == nil {
		t, err = t.ParseFiles(a.beside("longhorn", "longhorn.yaml"))
	}
	if err != nil {
		return nil, fmt.Errorf("parse the add-ons: %w", err)
	}
	var out bytes.Buffer
	for _, driver := range []string{"csi", "longhorn"} {
		storage, err := os.ReadFile(a.beside(driver, "storage.yaml"))
		if err != nil {
			return nil, fmt.Errorf("read the storage classes: %w", err)
		}
		out.Write(storage)
		out.WriteString("\n---\n")
	}
	for _, name := range []string{"coredns.yaml", "stores.yaml", "longhorn.yaml"} {
		err := t.ExecuteTemplate(&out, name, map[string]any{
			"DNSDomain":       layout.DNSDomain,
			"DNSService":      layout.DNSService,
			"Images":          a.Images,
			"S3Data":          a.s3Data(),
			"RestData":        a.restData(),
			"S3AccessKey":     keys.Access,
			"S3SecretKey":     keys.Secret,
			"LonghornBuild":   a.LonghornBuild,
			"LonghornData":    a.Layout.Longhorn(),
			"LonghornService": layout.LonghornService,
			"LonghornPort":    layout.PortLonghorn,
		})
		if err != nil {
			return nil, fmt.Errorf("fill in add-on %s: %w", name, err)
		}
		out.WriteString("\n---\n")
	}
	return out.Bytes(), nil
}

// beside returns a manifest that is kept beside the tool that it is about.
func (a Addons) beside(tool, name string) string {
	return filepath.Join(a.Layout.Tools(), tool, "manifests", name)
}

func toJSON(v any) (string, error) {
	data, err := json.Marshal(v)
	return string(data), err
}

// s3Keys are the S3 server's root credentials.
type s3Keys struct{ Access, Secret string }

// s3Keys returns the credentials of this cluster, made when first asked for.
func (a Addons) s3Keys() (s3Keys, error) {
	file := a.Layout.Path("config", "s3-root.json")
	data, err := os.ReadFile(file)
	if err == nil {
		var keys s3Keys
		if json.Unmarshal(data, &keys) == nil && keys.Secret != "" {
			return keys, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return s3Keys{}, fmt.Errorf("read the S3 credentials: %w", err)
	}
	keys := s3Keys{Access: "root-" + strings.ToLower(rand.Text()[:8]), Secret: rand.Text()}
	data, err = json.Marshal(keys)
	if err != nil {
		return s3Keys{}, fmt.Errorf("encode the S3 credentials: %w", err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return s3Keys{}, fmt.Errorf("write the S3 credentials: %w", err)
	}
	return keys, nil
}

func (a Addons) s3Data() string   { return a.Layout.Path("s3") }
func (a Addons) restData() string { return a.Layout.Path("rest") }
func (a Addons) note() string     { return a.Layout.Path("addons.applied") }
