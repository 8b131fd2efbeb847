package objectstore

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/secret"
)

// The keys of the Secret, the same as in restic's.
const (
	keyAccessKeyID     = "AWS_ACCESS_KEY_ID"
	keySecretAccessKey = "AWS_SECRET_ACCESS_KEY" //nolint:gosec // the name of a key, not its value
)

// secretTimeout bounds reading the Secret.
const secretTimeout = 10 * time.Second

// keys open a store.
type keys struct {
	id  secret.String
	key secret.String
}

// readKeys reads the keys anew, so that a rotated Secret counts at once.
func (c Config) readKeys(ctx context.Context, reader client.Reader) (keys, error) {
	if c.SecretName == "" {
		return keys{id: c.AccessKeyID, key: c.SecretAccessKey}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, secretTimeout)
	defer cancel()
	var stored corev1.Secret
	err := reader.Get(ctx, client.ObjectKey{Namespace: c.Namespace, Name: c.SecretName}, &stored)
	if apierrors.IsNotFound(err) {
		return keys{}, backup.Errorf(backup.Credentials, "Secret %s/%s does not exist", c.Namespace, c.SecretName)
	}
	if err != nil {
		return keys{}, backup.Errorf(backup.Unavailable, "reading Secret %s/%s: %w", c.Namespace, c.SecretName, err)
	}
	var missing []string
	value := func(key string) secret.String {
		// `echo` puts a line end there.
		text := strings.TrimRight(string(stored.Data[key]), "\r\n")
		if text == "" {
			missing = append(missing, key)
		}
		return secret.New(text)
	}
	read := keys{id: value(keyAccessKeyID), key: value(keySecretAccessKey)}
	if len(missing) > 0 {
		return keys{}, backup.Errorf(backup.Credentials, "Secret %s/%s lacks a value for %s", c.Namespace, c.SecretName, strings.Join(missing, ", "))
	}
	return read, nil
}

// redact takes the keys out of a text of somebody else's.
func (k keys) redact(text string) string {
	for _, known := range []secret.String{k.key, k.id} {
		if !known.IsEmpty() {
			text = strings.ReplaceAll(text, known.Reveal(), secret.Redacted)
		}
	}
	return text
}
