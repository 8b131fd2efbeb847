package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/longhorn/longhorn-manager/util/client"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apitypes "k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/e2e/tools/longhorn/fault"
)

// Where the faults are, and what tells that they have been taken; see package longhorn.
const (
	faultsConfigMap   = "longhorn-standin"
	faultsKey         = "faults.yaml"
	annotationApplied = "longhorn-standin/applied"
	annotationError   = "longhorn-standin/error"
	faultsInterval    = 200 * time.Millisecond
)

// faultsWatcher puts the faults of the ConfigMap into a set, and says so in its annotations.
type faultsWatcher struct {
	namespace string
	clients   *client.Clients
	set       *fault.Set
	logger    *slog.Logger
	// applied is the checksum of what is in the set; told says that the ConfigMap tells so, too.
	applied string
	told    bool
}

// run looks again and again until the context ends.
func (w *faultsWatcher) run(ctx context.Context) error {
	ticks := time.NewTicker(faultsInterval)
	defer ticks.Stop()
	for {
		w.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}

// look takes the faults if they have changed. What fails is tried again with the next look.
func (w *faultsWatcher) look(ctx context.Context) {
	content, exists, err := faultsOf(w.namespace, w.clients)
	if err != nil {
		w.logger.Warn("cannot read the faults", "error", err)
		return
	}
	sum := checksum(content)
	w.told = w.told && exists
	if sum == w.applied && w.told == exists {
		return
	}
	mistake := apply(content, w.set)
	w.logger.Info("faults changed", "faults", content, "error", mistake)
	if exists {
		if err := tell(ctx, w.namespace, w.clients, sum, mistake); err != nil {
			w.logger.Warn("cannot tell that the faults are on", "error", err)
			return
		}
	}
	w.applied, w.told = sum, exists
}

func faultsOf(namespace string, clients *client.Clients) (content string, exists bool, err error) {
	config, err := clients.Datastore.GetConfigMapRO(namespace, faultsConfigMap)
	if apierrors.IsNotFound(err) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	return config.Data[faultsKey], true, nil
}

// apply replaces the faults. A list with a mistake turns all off: a test must not go on with those of before.
func apply(content string, set *fault.Set) error {
	faults, err := fault.Parse([]byte(content))
	set.Replace(faults)
	return err
}

func tell(ctx context.Context, namespace string, clients *client.Clients, sum string, mistake error) error {
	annotations := map[string]any{annotationApplied: sum, annotationError: nil}
	if mistake != nil {
		annotations[annotationError] = mistake.Error()
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": annotations}})
	if err != nil {
		return err
	}
	_, err = clients.K8s.CoreV1().ConfigMaps(namespace).Patch(ctx, faultsConfigMap, apitypes.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("annotate the ConfigMap: %w", err)
	}
	return nil
}

// checksum is what stands for a list of faults.
func checksum(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}
