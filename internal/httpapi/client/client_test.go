package client_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/httpapi/client"
)

func TestAnswersThatAreNotSoterias(t *testing.T) {
	photos := backup.Claim{Namespace: "media", Name: "photos"}
	tests := map[string]struct {
		status int
		body   string
		kind   backup.Kind
		says   string
	}{
		"a proxy's error page":         {502, "<html>bad gateway</html>", backup.Unavailable, "status 502 from something that is not Soteria's API"},
		"another API's error":          {404, `{"message":"no"}`, backup.Unavailable, "status 404"},
		"a success that is no JSON":    {200, "<html>log in</html>", backup.Internal, "understanding"},
		"a code of a later version":    {418, `{"error":"tea","code":"teapot"}`, backup.Internal, "tea"},
		"an error that HTTP ruled out": {413, `{"error":"too large","code":"body_too_large"}`, backup.Invalid, "too large"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				_, err := w.Write([]byte(test.body))
				assert.NoError(t, err)
			}))
			defer server.Close()
			answer, err := client.New(server.URL, server.Client()).Exists(t.Context(), photos)
			require.ErrorContains(t, err, test.says)
			assert.Equal(t, test.kind, backup.KindOf(err))
			assert.False(t, answer.Authoritative)
		})
	}
}

func TestAServerThatIsAwayMayComeBack(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	err := client.New(server.URL, http.DefaultClient).Healthy(t.Context())
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
}
