package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/copies"
)

// copiesStub stands for the copies of a cluster.
type copiesStub struct {
	list    copies.List
	removed copies.Removed
	err     error
	claim   backup.Claim
	uid     types.UID
	used    bool
}

func (c *copiesStub) List(context.Context) (copies.List, error) { return c.list, c.err }

func (c *copiesStub) Remove(_ context.Context, claim backup.Claim, uid types.UID, whileUsed bool) (copies.Removed, error) {
	c.claim, c.uid, c.used = claim, uid, whileUsed
	return c.removed, c.err
}

// look is a copy of photos.
var look = copies.Copy{
	Record: copies.Record{
		Lock: "soteria-abcdefghijklmnop", Claim: backup.Claim{Namespace: "media", Name: "look"}, UID: "7f0e", Source: photos,
		Driver: "restic", Backup: newest.ID, TakenAt: noon.Add(-time.Hour), RequestedBy: "ada", MadeAt: noon, ExpiresAt: noon.Add(24 * time.Hour),
	},
	State: copies.Ready, Message: "the claim has its data", UsedBy: []string{}, Removable: true,
	Keep: "kubectl -n media annotate pvc look soteria.dev/restore-test-", Remove: "kubectl -n media delete pvc look",
}

// assortedCopies differ in what is known of each.
func assortedCopies() []copies.Copy {
	used, untold, old := look, look, look
	used.Claim.Name, used.UsedBy, used.Expired = "used", []string{"viewer"}, true
	untold.Claim.Name, untold.UsedBy, untold.State = "untold", nil, copies.Unknown
	old.Record = copies.Record{Lock: look.Lock, Claim: backup.Claim{Namespace: "attic", Name: "old"}, SeenUID: "1", MadeAt: noon}
	old.State, old.Removable = copies.Unproved, false
	return []copies.Copy{look, used, untold, old}
}

func TestCopies(t *testing.T) {
	refused := backup.WithSettle(&backup.Error{Kind: backup.Conflict, Reason: backup.Unproved, Message: "it is not proved"}, look.Remove)
	for name, test := range map[string]struct {
		method, path string
		stub         copiesStub
		status       int
		golden       string
	}{
		"all": {http.MethodGet, "/v1/copies", copiesStub{list: copies.List{At: noon, Copies: assortedCopies(), Warnings: []string{"a record cannot be understood"}}}, 200, "copies.json"},
		"of a namespace": {
			http.MethodGet, "/v1/copies?namespace=attic", copiesStub{list: copies.List{At: noon, Copies: assortedCopies()}}, 200, "copies_namespace.json"},
		"none":                    {http.MethodGet, "/v1/copies", copiesStub{list: copies.List{At: noon}}, 200, "copies_none.json"},
		"what cannot be told":     {http.MethodGet, "/v1/copies", copiesStub{err: down}, 503, ""},
		"a namespace that cannot": {http.MethodGet, "/v1/copies?namespace=A", copiesStub{}, 400, ""},
		"removed": {
			http.MethodDelete, "/v1/copies/media/look",
			copiesStub{removed: copies.Removed{Record: look.Record, Volume: look.Lock, Message: "the claim and its volume are deleted"}}, 200, "copy_removed.json"},
		"refused":              {http.MethodDelete, "/v1/copies/media/look", copiesStub{err: refused}, 409, "copy_refused.json"},
		"a name that cannot":   {http.MethodDelete, "/v1/copies/media/Look", copiesStub{}, 404, ""},
		"neither true nor not": {http.MethodDelete, "/v1/copies/media/look?while_used=perhaps", copiesStub{}, 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.looked = test.stub
			resp, body := send(t, test.method, w.serve(t, nil)+test.path, "", "")
			assert.Equal(t, test.status, resp.StatusCode, body)
			if test.golden != "" {
				golden(t, test.golden, body)
			}
		})
	}
}

func TestTheClientOfCopies(t *testing.T) {
	w := newWorld()
	w.looked.list = copies.List{At: noon, Copies: assortedCopies()}
	w.looked.removed = copies.Removed{Record: look.Record, Restoring: true, UsedBy: []string{"viewer"}}
	c := w.client(t)
	list, err := c.Copies(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, list.Copies, 4)
	assert.True(t, list.Copies[0].Removable)
	assert.False(t, list.Copies[1].Removable, "a pod uses it")
	assert.False(t, list.Copies[2].Removable, "whether a pod uses it is not known")
	assert.False(t, list.Copies[3].Removable, "it is not proved")

	removed, err := c.RemoveCopy(t.Context(), look.Claim, "", false)
	require.NoError(t, err)
	assert.True(t, removed.Restoring)
	assert.Equal(t, []string{"viewer"}, removed.UsedBy)
	assert.False(t, w.looked.used)
	assert.Empty(t, w.looked.uid)
	assert.Contains(t, w.logged(), `"action":"remove copy","claim":"media/look","detail":"7f0e"`)

	w.looked.err = &backup.Error{Kind: backup.Conflict, Reason: backup.InUse, Message: "a pod uses it"}
	_, err = c.RemoveCopy(t.Context(), look.Claim, "7f0e", true)
	assert.Equal(t, backup.InUse, backup.ReasonOf(err))
	assert.True(t, w.looked.used, "it was asked for although it is used")
	assert.Equal(t, types.UID("7f0e"), w.looked.uid)
	assert.Equal(t, look.Claim, w.looked.claim)
}

func TestACopyIsAskedFor(t *testing.T) {
	for name, test := range map[string]struct {
		path, body, field string
		status            int
		copy              bool
		expires           copies.Expiry
	}{
		"a copy that stays": {"restores", `"target_pvc":"look","copy":true`, "", 202, true, copies.Expiry{}},
		"a copy for a day":  {"restores", `"target_pvc":"look","copy":true,"expires":"24h"`, "", 202, true, copies.Expiry{After: 24 * time.Hour}},
		"a copy until noon": {"restores", `"target_pvc":"look","copy":true,"expires":"2026-03-01T12:00:00Z"`, "", 202, true, copies.Expiry{At: noon}},
		"by a restore test": {"restore-test", `"target_pvc":"look","expires":"7d"`, "", 202, true, copies.Expiry{After: 7 * 24 * time.Hour}},
		"no copy":           {"restores", `"target_pvc":"look"`, "", 202, false, copies.Expiry{}},

		"a claim like others does not expire":            {"restores", `"target_pvc":"look","expires":"24h"`, "expires", 400, false, copies.Expiry{}},
		"what is neither a duration nor a time":          {"restores", `"target_pvc":"look","copy":true,"expires":"soon"`, "expires", 400, false, copies.Expiry{}},
		"a test that leaves nothing does not expire":     {"restore-test", `"expires":"24h"`, "target_pvc", 400, false, copies.Expiry{}},
		"a test that leaves nothing makes no copy":       {"restore-test", `"copy":true`, "target_pvc", 400, false, copies.Expiry{}},
		"a restore without a target is no copy, neither": {"restores", `"copy":true`, "target_pvc", 400, false, copies.Expiry{}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			resp, body := send(t, http.MethodPost, w.serve(t, nil)+"/v1/"+test.path, jsonType, `{"namespace":"media","pvc":"photos",`+test.body+`}`)
			assert.Equal(t, test.status, resp.StatusCode, body)
			if test.status >= http.StatusBadRequest {
				assert.Empty(t, w.claims.wishes)
				assert.Contains(t, body, `"field":"`+test.field+`"`)
				return
			}
			require.Len(t, w.claims.wishes, 1)
			assert.Equal(t, test.copy, w.claims.wishes[0].Copy)
			assert.Equal(t, test.expires, w.claims.wishes[0].Expires)
			assert.Equal(t, test.copy, strings.Contains(body, `"copy":true`))
			assert.Equal(t, test.expires.After > 0, strings.Contains(body, `"expires_at":"`))
		})
	}
}
