package s3_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/bucket"
	"github.com/soteria-dr/soteria/internal/bucket/s3"
	"github.com/soteria-dr/soteria/internal/objectstore"
	"github.com/soteria-dr/soteria/internal/secret"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) {
	minio.DefaultRetryUnit = time.Microsecond
	os.Exit(m.Run())
}

// settings are those of a store with the right keys.
func settings(url string, change func(*s3.Config)) s3.Config {
	c := s3.Config{Config: objectstore.Config{
		Endpoint: url, Bucket: "backups", Namespace: "soteria-system",
		AccessKeyID: secret.New(accessKeyID), SecretAccessKey: secret.New(secretAccessKey),
	}}
	if change != nil {
		change(&c)
	}
	return c
}

func lister(c s3.Config, objects ...client.Object) *s3.Lister {
	return s3.New(c, fake.NewClientBuilder().WithObjects(objects...).Build(), clocktesting.NewFakePassiveClock(noon))
}

// list lists a store with the right keys.
func list(t *testing.T, s *store) (bucket.Figures, error) {
	t.Helper()
	return lister(settings(s.start(t), nil)).List(t.Context())
}

var held = []version{
	{key: "cluster/config", size: 155},
	{key: "cluster/data/0a/" + strings.Repeat("0a", 32), size: 16_000_000},
	{key: "cluster/data/0b/" + strings.Repeat("0b", 32), size: 16_000_000, marker: false},
	{key: "cluster/data/0c/" + strings.Repeat("0c", 32), marker: true},
	{key: "cluster/data/0c/" + strings.Repeat("0c", 32), size: 4_000_000, old: true},
	{key: "cluster/index/" + strings.Repeat("1d", 32), size: 9000},
	{key: "notes about + & <things>.txt", size: 12},
}

func TestAListingWithVersionsIsSummedUpOverAllItsPages(t *testing.T) {
	for _, perPage := range []int{1, 2, 3, 1000} {
		t.Run(fmt.Sprintf("%d entries a page", perPage), func(t *testing.T) {
			got, err := list(t, &store{held: held, perPage: perPage})
			require.NoError(t, err)
			assert.Equal(t, bucket.Figures{
				Objects: 5, Bytes: 36_009_167,
				History: &bucket.History{Versions: 6, NoncurrentBytes: 4_000_000, DeleteMarkers: 1},
				Largest: []bucket.Prefix{
					{Prefix: "cluster/data/", Objects: 2, Bytes: 36_000_000},
					{Prefix: "cluster/index/", Objects: 1, Bytes: 9000},
					{Prefix: "cluster/", Objects: 1, Bytes: 155},
					{Prefix: "", Objects: 1, Bytes: 12},
				},
				ScannedAt: noon,
			}, got)
		})
	}
}

func TestAnEmptyBucketHoldsNothing(t *testing.T) {
	got, err := list(t, &store{})
	require.NoError(t, err)
	assert.Equal(t, bucket.Figures{History: &bucket.History{}, Largest: []bucket.Prefix{}, ScannedAt: noon}, got)
}

func TestOnlyKeysWithThePrefixAreCounted(t *testing.T) {
	s := &store{held: held}
	got, err := lister(settings(s.start(t), func(c *s3.Config) { c.Prefix = "cluster/index/" })).List(t.Context())
	require.NoError(t, err)
	assert.Equal(t, int64(9000), got.Bytes)
}

func TestOfAStoreThatDoesNotTellVersionsTheyAreUnknown(t *testing.T) {
	for name, without := range map[string]func(*store, http.ResponseWriter, *http.Request){
		"it says so": func(_ *store, w http.ResponseWriter, _ *http.Request) {
			refuse(w, http.StatusNotImplemented, "NotImplemented", "no versions here")
		},
		"it says so without a word": func(_ *store, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusMethodNotAllowed)
		},
		"it lists objects instead": func(s *store, w http.ResponseWriter, r *http.Request) { s.listObjects(w, r.URL.Query()) },
	} {
		t.Run(name, func(t *testing.T) {
			s := &store{held: held, perPage: 2}
			s.fault = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				if !r.URL.Query().Has("versions") {
					return false
				}
				without(s, w, r)
				return true
			}
			got, err := list(t, s)
			require.NoError(t, err)
			assert.Nil(t, got.History, "unknown, not zero")
			assert.Equal(t, int64(5), got.Objects)
			assert.Equal(t, int64(32_009_167), got.Bytes)
		})
	}
}

// on answers the n-th request for a page with a fault.
func on(n int, answer http.HandlerFunc) func(int, http.ResponseWriter, *http.Request) bool {
	return func(i int, w http.ResponseWriter, r *http.Request) bool {
		if i < n {
			return false
		}
		answer(w, r)
		return true
	}
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
}

// TestWhatIsNoWholeListingIsAnError has the store fail from its third page on.
func TestWhatIsNoWholeListingIsAnError(t *testing.T) {
	const head = `<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		kind   backup.Kind
		words  string
	}{
		"refused": {
			func(w http.ResponseWriter, _ *http.Request) {
				refuse(w, http.StatusForbidden, "AccessDenied", "not you")
			},
			backup.Credentials, "AccessDenied: not you (the keys must be allowed to list the bucket and its versions)"},
		"a bucket that is gone": {
			func(w http.ResponseWriter, _ *http.Request) {
				refuse(w, http.StatusNotFound, "NoSuchBucket", "it is gone")
			},
			backup.RepositoryAbsent, "NoSuchBucket: it is gone"},
		"a store in trouble": {
			func(w http.ResponseWriter, _ *http.Request) {
				refuse(w, http.StatusInternalServerError, "InternalError", "we encountered an error")
			},
			backup.Unavailable, "InternalError: we encountered an error"},
		"a store in trouble that says nothing": {
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
			backup.Unavailable, "503 Service Unavailable"},
		"a connection that is cut": {
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			backup.Unavailable, ": Connection closed"},
		"a page that is cut in an entry": {
			says(head + `<Version><Key>a</Key><Size>1`), backup.Unavailable, "unexpected EOF"},
		"a page that is cut between entries": {
			says(head + `<Version><Key>a</Key><Size>1</Size></Version>`), backup.Unavailable, "unexpected EOF"},
		"a page that is cut at its beginning": {
			says(`<?xml version="1.0"?>`), backup.Unavailable, "NotAListing"},
		"nothing at all": {
			says(""), backup.Unavailable, "NotAListing"},
		"a page of something else": {
			says("<!DOCTYPE html><html><body>Please sign in</body></html>"), backup.Unavailable, "NotAListing"},
		"an error that passes for an answer": {
			says("<Error><Code>SlowDown</Code></Error>"), backup.Unavailable, "NotAListing"},
		"a redirection": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://elsewhere.example.com/", http.StatusMovedPermanently)
			},
			backup.Unavailable, "reading bucket backups"},
		"an entry that makes no sense": {
			says(head + `<Version><Key>a</Key><Size>-1</Size></Version></ListVersionsResult>`), backup.Unavailable, `"a" has -1 bytes`},
		"the same page for ever": {
			says(head + `<IsTruncated>true</IsTruncated><Version><Key>a</Key><Size>1</Size></Version></ListVersionsResult>`),
			backup.Unavailable, "NoProgress"},
		"a page without end": {
			func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(head))
				for range 20 {
					_, _ = w.Write([]byte(strings.Repeat(" ", 1<<20)))
				}
				_, _ = w.Write([]byte("</ListVersionsResult>"))
			},
			backup.Unavailable, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := list(t, &store{held: held, perPage: 2, fault: on(2, test.answer)})
			require.ErrorContains(t, err, test.words)
			assert.ErrorContains(t, err, "reading bucket backups at 127.0.0.1:")
			assert.Equal(t, test.kind, backup.KindOf(err))
			assert.Zero(t, got)
		})
	}
}

func TestAStoreThatRecoversIsListedToTheEnd(t *testing.T) {
	got, err := list(t, &store{held: held, perPage: 2, fault: func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n == 1 {
			refuse(w, http.StatusServiceUnavailable, "SlowDown", "slow down")
		}
		return n == 1
	}})
	require.NoError(t, err)
	assert.Equal(t, int64(36_009_167), got.Bytes)
}

func TestAListingEndsWithItsContext(t *testing.T) {
	const head = `<ListVersionsResult><IsTruncated>true</IsTruncated>`
	for name, stall := range map[string]func(cancel context.CancelFunc, gone <-chan struct{}) http.HandlerFunc{
		"while the store does not answer": func(cancel context.CancelFunc, gone <-chan struct{}) http.HandlerFunc {
			return func(http.ResponseWriter, *http.Request) { cancel(); <-gone }
		},
		"in the middle of a page": func(cancel context.CancelFunc, gone <-chan struct{}) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(head + strings.Repeat(" ", 2000)))
				_ = http.NewResponseController(w).Flush()
				cancel()
				<-gone
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			gone := make(chan struct{})
			s := &store{held: held, perPage: 2, fault: on(1, stall(cancel, gone))}
			url := s.start(t)
			_, err := lister(settings(url, nil)).List(ctx)
			close(gone)
			require.Error(t, err)
			assert.Equal(t, backup.Unavailable, backup.KindOf(err))
		})
	}
	t.Run("before it begins", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s := &store{held: held}
		_, err := lister(settings(s.start(t), nil)).List(ctx)
		require.Error(t, err, "minio-go takes that for an empty bucket")
		assert.Empty(t, s.asked())
	})
}

func TestAStoreThatIsNotThereIsAnError(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := lister(settings(server.URL, nil)).List(t.Context())
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
}

func secretWith(data map[string]string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "soteria-system", Name: "bucket"}, Data: map[string][]byte{}}
	for key, value := range data {
		s.Data[key] = []byte(value)
	}
	return s
}

func TestTheKeysMayBeInASecretThatIsReadAnewEachTime(t *testing.T) {
	s := &store{held: held}
	c := settings(s.start(t), func(c *s3.Config) {
		c.AccessKeyID, c.SecretAccessKey, c.SecretName = secret.String{}, secret.String{}, "bucket"
	})
	cluster := fake.NewClientBuilder().Build()
	l := s3.New(c, cluster, clocktesting.NewFakePassiveClock(noon))

	_, err := l.List(t.Context())
	assert.Equal(t, backup.Credentials, backup.KindOf(err))
	assert.EqualError(t, err, "Secret soteria-system/bucket does not exist")

	stored := secretWith(map[string]string{"AWS_ACCESS_KEY_ID": "\n"})
	require.NoError(t, cluster.Create(t.Context(), stored))
	_, err = l.List(t.Context())
	assert.Equal(t, backup.Credentials, backup.KindOf(err))
	assert.EqualError(t, err, "Secret soteria-system/bucket lacks a value for AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY")
	assert.Empty(t, s.asked())

	stored.Data = secretWith(map[string]string{"AWS_ACCESS_KEY_ID": accessKeyID + "\n", "AWS_SECRET_ACCESS_KEY": secretAccessKey + "\n"}).Data
	require.NoError(t, cluster.Update(t.Context(), stored))
	got, err := l.List(t.Context())
	require.NoError(t, err)
	assert.Equal(t, int64(5), got.Objects)
}

func TestNoErrorHoldsAKeyWhateverTheStoreSays(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"the keys": func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, http.StatusForbidden, "SignatureDoesNotMatch", accessKeyID+" signed with "+secretAccessKey)
		},
		"the keys, as a code": func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, http.StatusBadRequest, secretAccessKey, accessKeyID)
		},
		"the keys, not in XML": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(accessKeyID + secretAccessKey))
		},
		"a key at the end of what is told": func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, http.StatusForbidden, "Denied", strings.Repeat("x", 280)+secretAccessKey)
		},
		"the keys as a key in the bucket": says(`<ListVersionsResult><Version><Key>` + accessKeyID + secretAccessKey + `</Key><Size>-1</Size></Version></ListVersionsResult>`),
		"several lines and more":          says(`<ListVersionsResult><Version><Key>` + strings.Repeat("a&#10;", 1000) + `</Key><Size>-1</Size></Version></ListVersionsResult>`),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := list(t, &store{fault: on(0, answer)})
			require.Error(t, err)
			text := fmt.Sprintf("%v %+v %#v", err, err, err)
			assert.NotContains(t, text, accessKeyID)
			assert.NotContains(t, text, secretAccessKey)
			assert.NotContains(t, text, secretAccessKey[:16])
			assert.NotContains(t, err.Error(), "\n")
			assert.Less(t, len(err.Error()), 500)
		})
	}
}

func TestTheStoreIsAskedForItsRegionUnlessThatIsKnown(t *testing.T) {
	s := &store{held: held}
	url := s.start(t)
	_, err := lister(settings(url, nil)).List(t.Context())
	require.NoError(t, err)
	assert.Contains(t, s.asked()[0].Header.Get("Authorization"), "/here-1/s3/")

	_, err = lister(settings(url, func(c *s3.Config) { c.Region = "there-2" })).List(t.Context())
	require.NoError(t, err)
	assert.Contains(t, s.asked()[1].Header.Get("Authorization"), "/there-2/s3/")
}
