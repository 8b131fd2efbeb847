package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/soteria-dr/soteria/internal/driver/kopia"
	"github.com/soteria-dr/soteria/internal/objectstore"
	"github.com/soteria-dr/soteria/internal/secret"
	"github.com/soteria-dr/soteria/internal/skew"
)

func TestTheClocksOfStoresAreCompared(t *testing.T) {
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusForbidden)
	}))
	defer store.Close()
	for name, bucketOf := range map[string]func(*config) objectstore.Config{
		"of the look-up":       func(c *config) objectstore.Config { return c.lookupS3().Bucket },
		"of a Kopia bucket":    func(c *config) objectstore.Config { return c.kopia(kopia.NameS3).Bucket },
		"of the backup bucket": func(c *config) objectstore.Config { return c.bucketStore().Config },
	} {
		t.Run(name, func(t *testing.T) {
			c := &config{clocks: skew.New(clock.RealClock{}, slog.New(slog.DiscardHandler))}
			settings := bucketOf(c)
			settings.Endpoint, settings.Bucket, settings.Region = store.URL, "backups", "us-east-1"
			settings.AccessKeyID, settings.SecretAccessKey = secret.New("id"), secret.New("key")
			reading, err := settings.OpenWithOwnKeys()
			require.NoError(t, err)
			defer reading.Close()
			for range reading.List(t.Context(), minio.ListObjectsOptions{}) {
				break
			}
			assert.Contains(t, c.clocks.Doubt(), "the clock of the store at "+strings.TrimPrefix(store.URL, "http://")+" is ")
			assert.Contains(t, c.clocks.Doubt(), "behind Soteria's")
			assert.True(t, c.rules().ClockDoubt, "no backup is called wrongly dated")
		})
	}
}
