package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// kubernetesNamespace is where containerd keeps what Kubernetes uses.
const kubernetesNamespace = "k8s.io"

// Store puts images into a containerd.
type Store struct {
	// Address is containerd's socket.
	Address string
	// Dir is where it is noted which digest each name has.
	Dir string
}

// Put imports the image under its name unless it is there already. It returns
// the digest of the image's configuration, which is also the image id that
// Kubernetes shows, and whether it had to import it.
func (s Store) Put(ctx context.Context, ref string, described Image) (digest string, imported bool, err error) {
	img, err := described.Build()
	if err != nil {
		return "", false, fmt.Errorf("build image %s: %w", ref, err)
	}
	id, err := img.ConfigName()
	if err != nil {
		return "", false, fmt.Errorf("digest of image %s: %w", ref, err)
	}
	there, err := s.has(ctx, ref, id.String())
	if err != nil || there {
		return id.String(), false, err
	}
	if err := s.load(ctx, ref, img); err != nil {
		return "", false, fmt.Errorf("import image %s: %w", ref, err)
	}
	if err := os.WriteFile(s.note(ref), []byte(id.String()), 0o600); err != nil {
		return "", false, fmt.Errorf("note digest of image %s: %w", ref, err)
	}
	return id.String(), true, nil
}

// Copy imports an image that another containerd has, unless it is there already.
func (s Store) Copy(ctx context.Context, from Store, ref string) error {
	id, err := os.ReadFile(from.note(ref))
	if err != nil {
		return fmt.Errorf("read noted digest of image %s: %w", ref, err)
	}
	there, err := s.has(ctx, ref, string(id))
	if err != nil || there {
		return err
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return fmt.Errorf("make the images' folder: %w", err)
	}
	archive := s.archive(ref)
	defer func() { _ = os.Remove(archive) }()
	if _, err := from.ctr(ctx, "images", "export", archive, ref); err != nil {
		return err
	}
	if _, err := s.ctr(ctx, "images", "import", archive); err != nil {
		return err
	}
	if err := os.WriteFile(s.note(ref), id, 0o600); err != nil {
		return fmt.Errorf("note digest of image %s: %w", ref, err)
	}
	return nil
}

// has says whether the name is there with the digest.
func (s Store) has(ctx context.Context, ref, id string) (bool, error) {
	noted, err := os.ReadFile(s.note(ref))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read noted digest of image %s: %w", ref, err)
	}
	if string(noted) != id {
		return false, nil
	}
	out, err := s.ctr(ctx, "images", "ls", "-q", "name=="+ref)
	return strings.TrimSpace(string(out)) == ref, err
}

func (s Store) load(ctx context.Context, ref string, img v1.Image) error {
	tag, err := name.NewTag(ref, name.StrictValidation)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	archive := s.archive(ref)
	defer func() { _ = os.Remove(archive) }()
	if err := tarball.WriteToFile(archive, tag, img); err != nil {
		return err
	}
	_, err = s.ctr(ctx, "images", "import", archive)
	return err
}

func (s Store) archive(ref string) string { return filepath.Join(s.Dir, fileName(ref)+".tar") }

func (s Store) note(ref string) string { return filepath.Join(s.Dir, fileName(ref)+".digest") }

func fileName(ref string) string { return strings.NewReplacer("/", "_", ":", "_").Replace(ref) }

func (s Store) ctr(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "ctr", append([]string{"--address", s.Address, "--namespace", kubernetesNamespace}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("ctr %s: %w\n%s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}
