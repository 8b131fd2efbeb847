package bucket_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/bucket"
)

// keptBefore is a record as a Soteria writes it that knows nothing of growth.
const keptBefore = `{"format":1,"store":{"endpoint":"s3.example.com","bucket":"backups","prefix":""},"attemptedAt":"2000-01-01T00:00:00Z","attempts":0,"figures":{"objects":2,"bytes":7,"largest":[],"scannedAt":"1999-12-31T23:00:00Z","took":1}}`

// grows has each scan find a byte more.
func grows(w *world) {
	bytes := int64(0)
	w.list = func(context.Context) (bucket.Figures, error) {
		bytes++
		return bucket.Figures{Bytes: bytes, Objects: 1, ScannedAt: time.Now().UTC()}, nil
	}
}

func grown(t *testing.T, w *world) []int64 {
	t.Helper()
	report, err := w.report(t)
	require.NoError(t, err)
	sizes := []int64{}
	for _, p := range report.Growth {
		sizes = append(sizes, p.Bytes)
	}
	return sizes
}

// rewrite changes what is kept.
func rewrite(t *testing.T, w *world, change func(data map[string]string)) {
	t.Helper()
	var stored corev1.ConfigMap
	require.NoError(t, w.cluster.Get(t.Context(), client.ObjectKey{Namespace: "soteria-system", Name: bucket.ConfigMap}, &stored))
	change(stored.Data)
	require.NoError(t, w.cluster.Update(t.Context(), &stored))
}

func TestHowABucketGrows(t *testing.T) {
	const day = 24 * time.Hour
	bubble(t, "is told by the last scan of each day, the latest scan last", func(t *testing.T) {
		w := newWorld()
		grows(w)
		defer w.lead(t)()
		pass(2*day + interval)
		assert.Equal(t, []int64{4, 8, 10}, grown(t, w))
	})
	bubble(t, "survives a change of leader", func(t *testing.T) {
		w := newWorld()
		grows(w)
		w.lead(t)()
		pass(day)
		defer w.lead(t)()
		assert.Equal(t, []int64{1, 2}, grown(t, w))
	})
	bubble(t, "has nothing of scans that failed", func(t *testing.T) {
		w := newWorld()
		grows(w)
		defer w.lead(t)()
		w.set(func(w *world) {
			w.list = func(context.Context) (bucket.Figures, error) { return bucket.Figures{}, context.DeadlineExceeded }
		})
		pass(3 * day)
		assert.Equal(t, []int64{1}, grown(t, w))
	})
	bubble(t, "begins with the figures that a Soteria kept that knew nothing of it", func(t *testing.T) {
		w := newWorld(kept(keptBefore))
		grows(w)
		assert.Equal(t, []int64{7}, grown(t, w))
		defer w.lead(t)()
		pass(interval)
		assert.Equal(t, []int64{7, 1}, grown(t, w))
	})
	bubble(t, "takes up what a Soteria that knows nothing of it found meanwhile", func(t *testing.T) {
		w := newWorld()
		grows(w)
		w.lead(t)()
		rewrite(t, w, func(data map[string]string) { data["scan.json"] = keptBefore })
		assert.Equal(t, []int64{7}, grown(t, w), "up to the last scan")
		pass(day)
		defer w.lead(t)()
		assert.Equal(t, []int64{7, 1, 2}, grown(t, w))
	})
	bubble(t, "begins anew with another store", func(t *testing.T) {
		w := newWorld()
		grows(w)
		w.lead(t)()
		rewrite(t, w, func(data map[string]string) {
			data["growth.json"] = `{"format":1,"store":{"endpoint":"s3.example.com","bucket":"other","prefix":""},"points":[{"at":"1999-01-01T00:00:00Z","bytes":9,"objects":9}]}`
		})
		assert.Equal(t, []int64{1}, grown(t, w))
	})
	for name, text := range map[string]string{
		"cut off":                `{"format":1,"store":{"endpo`,
		"of another format":      `{"format":2}`,
		"of a field more":        `{"format":1,"store":{"endpoint":"s3.example.com","bucket":"backups","prefix":""},"points":[],"mood":"good"}`,
		"of fewer than no bytes": `{"format":1,"store":{"endpoint":"s3.example.com","bucket":"backups","prefix":""},"points":[{"at":"1999-01-01T00:00:00Z","bytes":-9,"objects":9}]}`,
		"of two points of a day": `{"format":1,"store":{"endpoint":"s3.example.com","bucket":"backups","prefix":""},"points":[{"at":"1999-01-01T00:00:00Z","bytes":9,"objects":9},{"at":"1999-01-01T01:00:00Z","bytes":9,"objects":9}]}`,
		"of days in no order":    `{"format":1,"store":{"endpoint":"s3.example.com","bucket":"backups","prefix":""},"points":[{"at":"1999-01-02T00:00:00Z","bytes":9,"objects":9},{"at":"1999-01-01T00:00:00Z","bytes":9,"objects":9}]}`,
	} {
		bubble(t, "begins anew where what is kept of it is "+name+", and the figures stay", func(t *testing.T) {
			w := newWorld()
			grows(w)
			w.lead(t)()
			rewrite(t, w, func(data map[string]string) { data["growth.json"] = text })
			assert.Equal(t, []int64{1}, grown(t, w))
			pass(day)
			defer w.lead(t)()
			assert.Equal(t, []int64{1, 2}, grown(t, w))
		})
	}
}
