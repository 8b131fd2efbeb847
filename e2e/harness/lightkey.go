package harness

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/driver/restic/restictest/lightkey"
)

// LightenKey replaces the key of a repository that the tests made by one that is
// cheap to open, which spares each run of restic half a second of a processor. Only
// the cluster that "make cluster-up" started has its stores' data on this machine:
// on another one nothing is done.
func (c *Cluster) LightenKey(ctx context.Context, url string) error {
	if c.kubeconfig != c.ownKubeconfig() {
		return nil
	}
	folder, err := c.repositoryFolder(ctx, url)
	if err != nil {
		return err
	}
	if err := lightkey.Replace(folder, resticPassword); err != nil {
		return fmt.Errorf("making the key of %s cheap to open: %w", url, err)
	}
	return nil
}

// repositoryFolder is where the files of a repository are on this machine.
func (c *Cluster) repositoryFolder(ctx context.Context, url string) (string, error) {
	for store, root := range map[string]string{S3: S3Repository(""), Rest: RestRepository("")} {
		name, here := strings.CutPrefix(url, root)
		if !here {
			continue
		}
		var server appsv1.Deployment
		if err := c.Get(ctx, client.ObjectKey{Namespace: StoreNamespace, Name: store}, &server); err != nil {
			return "", fmt.Errorf("reading the Deployment of store %s: %w", store, err)
		}
		volumes := server.Spec.Template.Spec.Volumes
		if len(volumes) != 1 || volumes[0].HostPath == nil {
			return "", fmt.Errorf("the data of store %s is not in one folder of its node", store)
		}
		if store == S3 {
			name = filepath.Join(s3Bucket, name)
		}
		return filepath.Join(volumes[0].HostPath.Path, name), nil
	}
	return "", fmt.Errorf("repository %s is in neither store", url)
}
