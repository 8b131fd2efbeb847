package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/secret"
)

const plain = "correct-horse-battery"

type exported struct{ Password secret.String }

type unexported struct{ password secret.String }

func TestNoVerbShowsTheText(t *testing.T) {
	s := secret.New(plain)
	values := map[string]any{
		"the secret":                     s,
		"a pointer to it":                &s,
		"an exported field":              exported{Password: s},
		"a pointer to an exported field": &exported{Password: s},
		"an unexported field":            unexported{password: s},
		"a slice":                        []secret.String{s},
		"a map":                          map[string]secret.String{"password": s},
	}
	verbs := []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%40v", "%-5.3s", "%t", "%c", "%U", "%e"}
	for name, value := range values {
		t.Run(name, func(t *testing.T) {
			for _, verb := range verbs {
				printed := fmt.Sprintf(verb, value)
				assert.NotContains(t, printed, plain, verb)
				assert.NotContains(t, printed, fmt.Sprintf("%x", plain), verb)
				assert.NotContains(t, printed, fmt.Sprintf("%X", plain), verb)
			}
		})
	}
	assert.Equal(t, secret.Redacted, fmt.Sprint(s))
	assert.Equal(t, secret.Redacted, fmt.Sprintf("%#v", s))
	assert.Equal(t, "wrong: [redacted]", fmt.Errorf("wrong: %v", s).Error())
}

func TestNoEncodingShowsTheText(t *testing.T) {
	s := secret.New(plain)

	encoded, err := json.Marshal(map[string]any{"value": s, "pointer": &s, "field": exported{Password: s}, "key": map[string]secret.String{"k": s}})
	require.NoError(t, err)
	assert.NotContains(t, string(encoded), plain)
	assert.Contains(t, string(encoded), secret.Redacted)
}

func TestNoLogShowsTheText(t *testing.T) {
	s := secret.New(plain)
	handlers := map[string]func(*bytes.Buffer) slog.Handler{
		"as text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"as JSON": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	}
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			slog.New(handler(&out)).Info("signed in", "password", s, "pointer", &s, "config", exported{Password: s}, "inner", unexported{password: s},
				"error", errors.Join(fmt.Errorf("refused %s", s)))
			assert.NotContains(t, out.String(), plain)
		})
	}
}

func TestTheTextIsThereForThoseWhoAsk(t *testing.T) {
	s := secret.New(plain)
	assert.Equal(t, plain, s.Reveal())
	assert.False(t, s.IsEmpty())
	assert.True(t, s.Equal(plain))
	assert.False(t, s.Equal("another"))
	assert.False(t, s.Equal(""))

	var zero secret.String
	assert.Empty(t, zero.Reveal())
	assert.True(t, zero.IsEmpty())
	assert.True(t, zero.Equal(""))

	var read secret.String
	require.NoError(t, read.UnmarshalText([]byte(plain)))
	assert.Equal(t, plain, read.Reveal())
}
