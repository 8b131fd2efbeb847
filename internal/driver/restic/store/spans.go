package store

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"
)

const (
	// perSpan is how many names a span had when it was cut. A page of an S3 store has
	// at most 1000, so that one page is enough for a span that grew a little.
	perSpan = 990
	// atOnce is how many spans are listed at the same time.
	atOnce = 8
)

// span is a part of a folder's names: those after one name, up to and with another. ""
// stands for the beginning and the end.
type span struct{ after, upTo string }

// cuts are the names that the spans of a folder end with, as the last listing had them.
// They only save time: a listing is whole with any cuts. It is safe for concurrent use.
type cuts struct {
	mu    sync.Mutex
	names []string
}

// spans returns the spans of the whole folder.
func (c *cuts) spans() []span {
	c.mu.Lock()
	defer c.mu.Unlock()
	spans := make([]span, 0, len(c.names)+1)
	after := ""
	for _, name := range c.names {
		spans = append(spans, span{after: after, upTo: name})
		after = name
	}
	return append(spans, span{after: after})
}

// learn replaces the cuts by those of names that are in order. Without names there are
// none: a store that does not list in order is listed as one span.
func (c *cuts) learn(names []string) {
	var ends []string
	for end := perSpan; end < len(names); end += perSpan {
		ends = append(ends, strings.Clone(names[end-1]))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.names = ends
}

// list returns the names below a prefix, listed span by span at the same time. It
// lists once more as one where the store turns out not to begin a listing where it is
// asked to, or not to list in order, as S3 stores do by their API's rules.
func (b *bucket) list(ctx context.Context, below string, c *cuts) ([]string, error) {
	spans := c.spans()
	names, inOrder, err := b.listSpans(ctx, below, spans)
	if err == nil && !inOrder && len(spans) > 1 {
		names, inOrder, err = b.listSpans(ctx, below, []span{{}})
	}
	if err != nil {
		return nil, err
	}
	if inOrder {
		c.learn(names)
	} else {
		c.learn(nil)
	}
	return names, nil
}

func (b *bucket) listSpans(ctx context.Context, below string, spans []span) (names []string, inOrder bool, err error) {
	found := make([][]string, len(spans))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, s := range spans {
		group.Go(func() error {
			var err error
			found[i], err = b.listSpan(ctx, below, s)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, false, err
	}
	names = slices.Concat(found...)
	return names, ascend(names), nil
}

// ascend reports whether names are in order, each once. Where those of several spans
// are, none of them was out of its span.
func ascend(names []string) bool {
	for i := 1; i < len(names); i++ {
		if names[i-1] >= names[i] {
			return false
		}
	}
	return true
}

func (b *bucket) listSpan(ctx context.Context, below string, s span) ([]string, error) {
	options := minio.ListObjectsOptions{Prefix: below, Recursive: true}
	if s.after != "" {
		options.StartAfter = below + s.after
	}
	var names []string
	for object, err := range b.reading.List(ctx, options) {
		if err != nil {
			return nil, b.reading.Explain(err, "")
		}
		name := strings.TrimPrefix(object.Key, below)
		if s.upTo != "" && name > s.upTo {
			break
		}
		// Some tools that copy buckets make an object for the folder itself.
		if name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}
