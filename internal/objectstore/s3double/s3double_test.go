package s3double_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/objectstore"
	"github.com/soteria-dr/soteria/internal/objectstore/s3double"
	"github.com/soteria-dr/soteria/internal/secret"
)

// keysBelow lists with the client that the program uses.
func keysBelow(t *testing.T, server *s3double.Server, options minio.ListObjectsOptions) []string {
	t.Helper()
	config := objectstore.Config{Endpoint: "http://" + server.Host, Bucket: s3double.Bucket, Region: "us-east-1", AccessKeyID: secret.New("a"), SecretAccessKey: secret.New("b")}
	reading, err := config.OpenWithOwnKeys()
	require.NoError(t, err)
	defer reading.Close()
	var keys []string
	for object, err := range reading.List(t.Context(), options) {
		require.NoError(t, err)
		keys = append(keys, object.Key)
	}
	slices.Sort(keys)
	return keys
}

func TestItListsWhatItHolds(t *testing.T) {
	server := s3double.Start(t, "a/x/config", "a/x/snapshots/1", "a/y", "b", "c/d/e")
	for name, test := range map[string]struct {
		options minio.ListObjectsOptions
		want    []string
	}{
		"all":            {minio.ListObjectsOptions{Recursive: true}, []string{"a/x/config", "a/x/snapshots/1", "a/y", "b", "c/d/e"}},
		"folders":        {minio.ListObjectsOptions{}, []string{"a/", "b", "c/"}},
		"a folder":       {minio.ListObjectsOptions{Prefix: "a/"}, []string{"a/x/", "a/y"}},
		"below a folder": {minio.ListObjectsOptions{Prefix: "a/x/", Recursive: true}, []string{"a/x/config", "a/x/snapshots/1"}},
		"nothing":        {minio.ListObjectsOptions{Prefix: "aa/"}, nil},
		"small pages":    {minio.ListObjectsOptions{MaxKeys: 1}, []string{"a/", "b", "c/"}},
	} {
		assert.Equal(t, test.want, keysBelow(t, server, test.options), name)
	}
}

func TestItListsPageByPageAndCountsThem(t *testing.T) {
	server := s3double.Start(t)
	var keys []string
	for n := range 2500 {
		keys = append(keys, fmt.Sprintf("claims/%04d/config", n))
	}
	server.Put(keys...)
	assert.Equal(t, keys, keysBelow(t, server, minio.ListObjectsOptions{Recursive: true}))
	assert.EqualValues(t, 3, server.Requests())
	assert.Len(t, keysBelow(t, server, minio.ListObjectsOptions{Prefix: "claims/"}), 2500)
	assert.EqualValues(t, 6, server.Requests())

	server.Remove(keys[1:]...)
	assert.Equal(t, keys[:1], keysBelow(t, server, minio.ListObjectsOptions{Recursive: true}))
}

func TestItAnswersLate(t *testing.T) {
	server := s3double.Start(t, "a")
	const late = 20 * time.Millisecond
	server.Delay(late)
	began := time.Now()
	assert.Equal(t, []string{"a"}, keysBelow(t, server, minio.ListObjectsOptions{}))
	assert.GreaterOrEqual(t, time.Since(began), late)
}
