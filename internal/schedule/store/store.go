package store

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/schedule/policy"
)

// Key is the Secret's key that holds the policies.
const Key = "policies.json"

// maxSize bounds the policies' text: a Secret holds 1 MiB with all that is in it.
const maxSize = 900 << 10

// conflictPause is how long to wait, at most, before a change is made again.
const conflictPause = 20 * time.Millisecond

// Store implements the keeping of policies. It is safe for concurrent use, also
// by several processes.
type Store struct {
	writer client.Writer
	reader client.Reader
	secret client.ObjectKey
	// turn lets one change of this process at a time try: others would only
	// make it fail.
	turn chan struct{}
}

// New makes a store in a Secret. The reader must read from the API server itself,
// not from a cache. It needs the verbs get and update on the Secret by name, and
// create on Secrets.
func New(writer client.Writer, reader client.Reader, secret client.ObjectKey) *Store {
	return &Store{writer: writer, reader: reader, secret: secret, turn: make(chan struct{}, 1)}
}

// Read gives the policies. The error is of kind [backup.Unavailable], whether the
// Secret could not be read or not be understood; a Secret that does not exist
// holds none.
func (s *Store) Read(ctx context.Context) (*policy.Book, error) {
	stored, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	return s.understand(stored)
}

// Put keeps a policy that is valid, instead of the one with the same target, if
// there is one; replaced tells. It may be repeated. Kinds of errors: Conflict if
// the Secret is full, Unavailable.
func (s *Store) Put(ctx context.Context, p policy.Policy) (replaced bool, err error) {
	err = s.change(ctx, func(kept []policy.Policy) ([]policy.Policy, error) {
		at := slices.IndexFunc(kept, p.SameTarget)
		if replaced = at >= 0; replaced {
			kept[at] = p
			return kept, nil
		}
		return append(kept, p), nil
	})
	return replaced, err
}

// Delete deletes the policy with an id and gives what it was. Kinds of errors:
// NotFound, Unavailable.
func (s *Store) Delete(ctx context.Context, id string) (deleted policy.Policy, err error) {
	err = s.change(ctx, func(kept []policy.Policy) ([]policy.Policy, error) {
		at := slices.IndexFunc(kept, func(p policy.Policy) bool { return p.ID() == id })
		if at < 0 {
			return nil, backup.Errorf(backup.NotFound, "there is no policy %.40q", id)
		}
		deleted = kept[at]
		return slices.Delete(kept, at, at+1), nil
	})
	return deleted, err
}

// change makes a change to whatever is kept at the moment it is written. A write
// that another one preceded is tried again until ctx ends: each time it fails,
// another one has succeeded.
func (s *Store) change(ctx context.Context, edit func([]policy.Policy) ([]policy.Policy, error)) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return s.tooBusy(ctx)
	}
	for {
		err := s.tryChange(ctx, edit)
		if !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) {
			return err
		}
		pause := time.NewTimer(rand.N(conflictPause)) //nolint:gosec // spreads writers, and guards nothing
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return s.tooBusy(ctx)
		}
	}
}

// tryChange gives the API server's own error where another write was first.
func (s *Store) tryChange(ctx context.Context, edit func([]policy.Policy) ([]policy.Policy, error)) error {
	stored, err := s.read(ctx)
	if err != nil {
		return err
	}
	book, err := s.understand(stored)
	if err != nil {
		return err
	}
	edited, err := edit(book.Kept())
	if err != nil {
		return err
	}
	text, err := encode(edited)
	if err != nil {
		return fmt.Errorf("writing the policies: %w", err)
	}
	switch {
	case bytes.Equal(text, stored.Data[Key]):
		return nil
	case len(text) > maxSize:
		return backup.Errorf(backup.Conflict, "%s is full: the policies would take %d bytes of %d; use one for a whole namespace instead of many for its claims",
			s.where(), len(text), maxSize)
	}
	if stored.Data == nil {
		stored.Data = make(map[string][]byte, 1)
	}
	stored.Data[Key] = text
	return s.write(ctx, stored)
}

func (s *Store) read(ctx context.Context) (*corev1.Secret, error) {
	stored := &corev1.Secret{}
	err := s.reader.Get(ctx, s.secret, stored)
	if apierrors.IsNotFound(err) {
		return &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: s.secret.Namespace, Name: s.secret.Name,
				Labels: map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy},
			},
			Type: corev1.SecretTypeOpaque,
		}, nil
	}
	if err != nil {
		return nil, backup.Errorf(backup.Unavailable, "reading the policies in Secret %s: %w", s.secret, err)
	}
	return stored, nil
}

func (s *Store) understand(stored *corev1.Secret) (*policy.Book, error) {
	text, set := stored.Data[Key]
	if !set {
		return policy.NewBook(nil)
	}
	book, err := decode(text)
	if err != nil {
		return nil, backup.Errorf(backup.Unavailable, "%s cannot be understood (%w) and is left as it is: mend it, or remove the key to start without policies", s.where(), err)
	}
	return book, nil
}

// write creates or updates the Secret as it was read: the resource version makes
// the API server refuse to overwrite what somebody else wrote since.
func (s *Store) write(ctx context.Context, stored *corev1.Secret) error {
	var err error
	if stored.ResourceVersion == "" {
		err = s.writer.Create(ctx, stored)
	} else {
		err = s.writer.Update(ctx, stored)
	}
	if err == nil || apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return err
	}
	return backup.Errorf(backup.Unavailable, "writing %s: %w", s.where(), err)
}

func (s *Store) where() string { return fmt.Sprintf("key %q of Secret %s", Key, s.secret) }

func (s *Store) tooBusy(ctx context.Context) error {
	return backup.Errorf(backup.Unavailable, "%s is being written by many at once: %w; try again", s.where(), ctx.Err())
}
