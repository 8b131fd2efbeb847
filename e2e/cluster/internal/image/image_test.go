package image

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const dockerfile = `FROM golang AS build
RUN go build -o /out/soteria ./cmd/soteria

FROM build AS restic
RUN go build -o /out/restic restic

FROM scratch
LABEL org.example.title="Soteria it is" org.example.kind=test
ENV HOME=/home PATH=/usr/bin
WORKDIR /home
COPY --from=build --chown=65532:65532 /out/soteria /usr/bin/soteria
COPY --from=restic --chmod=0555 /out/restic bin/
EXPOSE 8080 9443/tcp
USER 65532:65532
ENTRYPOINT ["/usr/bin/soteria"]
CMD ["serve"]
`

func sources(t *testing.T) Sources {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"soteria", "restic"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("the program "+name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return Sources{
		"build:/out/soteria": filepath.Join(dir, "soteria"),
		"restic:/out/restic": filepath.Join(dir, "restic"),
	}
}

func TestFollowDoesWhatTheLastStageSays(t *testing.T) {
	followed, err := Follow(strings.NewReader(dockerfile), sources(t))
	if err != nil {
		t.Fatal(err)
	}
	img, err := followed.Build()
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := file.Config
	if c.User != "65532:65532" || c.WorkingDir != "/home" {
		t.Errorf("user %q, working folder %q", c.User, c.WorkingDir)
	}
	if !slices.Equal(c.Entrypoint, []string{"/usr/bin/soteria"}) || !slices.Equal(c.Cmd, []string{"serve"}) {
		t.Errorf("entry point %q, command %q", c.Entrypoint, c.Cmd)
	}
	if want := []string{"PATH=/usr/bin", "HOME=/home"}; !slices.Equal(c.Env, want) {
		t.Errorf("environment %q, want %q", c.Env, want)
	}
	if c.Labels["org.example.title"] != "Soteria it is" || c.Labels["org.example.kind"] != "test" {
		t.Errorf("labels %q", c.Labels)
	}
	if _, there := c.ExposedPorts["8080/tcp"]; !there || len(c.ExposedPorts) != 2 {
		t.Errorf("ports %v", c.ExposedPorts)
	}
	got := entries(t, img)
	for path, want := range map[string]tar.Header{
		"home/":           {Mode: 0o755},
		"usr/bin/":        {Mode: 0o755},
		"usr/bin/soteria": {Mode: 0o755, Uid: 65532, Gid: 65532, Size: 19},
		"home/bin/restic": {Mode: 0o555, Size: 18},
	} {
		h, there := got[path]
		if !there || h.Mode != want.Mode || h.Uid != want.Uid || h.Gid != want.Gid || h.Size != want.Size {
			t.Errorf("%s: got %+v, want %+v", path, h, want)
		}
	}
}

func TestFollowKnowsAllOfSoteriasDockerfile(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "..", "..", "deploy", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	s := sources(t)
	s["certs:"+Certificates] = s["build:/out/soteria"]
	followed, err := Follow(f, s)
	if err != nil {
		t.Fatal(err)
	}
	if len(followed.Files) == 0 || len(followed.Config.Entrypoint) == 0 {
		t.Errorf("image %+v", followed)
	}
}

func TestFollowRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, bad := range []string{
		"FROM debian\nUSER 1\n",
		"FROM scratch\nRUN make\n",
		"FROM scratch\nCOPY soteria /\n",
		"FROM scratch\nCOPY --from=build /out/other /\n",
		"FROM scratch\nHEALTHCHECK CMD true\n",
		"FROM scratch\nENV A=$B\n",
		"FROM scratch\nVOLUME /data\n",
		"FROM scratch\nCOPY --from=build --chown=me /out/soteria /\n",
		"",
	} {
		if _, err := Follow(strings.NewReader(bad), sources(t)); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}

func TestSameFilesSameDigest(t *testing.T) {
	digest := func(s Sources) string {
		t.Helper()
		followed, err := Follow(strings.NewReader(dockerfile), s)
		if err != nil {
			t.Fatal(err)
		}
		img, err := followed.Build()
		if err != nil {
			t.Fatal(err)
		}
		id, err := img.ConfigName()
		if err != nil {
			t.Fatal(err)
		}
		return id.String()
	}
	a, b := digest(sources(t)), digest(sources(t))
	if a != b {
		t.Errorf("digests %s and %s", a, b)
	}
	other := sources(t)
	if err := os.WriteFile(other["build:/out/soteria"], []byte("changed"), 0o755); err != nil {
		t.Fatal(err)
	}
	if c := digest(other); c == a {
		t.Error("another program has the same digest")
	}
}

func entries(t *testing.T, img v1.Image) map[string]*tar.Header {
	t.Helper()
	layers, err := img.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, error %v", len(layers), err)
	}
	r, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	got := map[string]*tar.Header{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		got[h.Name] = h
	}
}
