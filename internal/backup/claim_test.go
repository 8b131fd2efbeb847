package backup_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
)

func TestValidateRefuses(t *testing.T) {
	tests := map[string]struct {
		claim backup.Claim
		field string
	}{
		"an empty namespace":                  {backup.Claim{Name: "data"}, "namespace"},
		"an empty name":                       {backup.Claim{Namespace: "app"}, "pvc"},
		"a namespace with a dot":              {backup.Claim{Namespace: "a.b", Name: "data"}, "namespace"},
		"a namespace of 64 characters":        {backup.Claim{Namespace: strings.Repeat("a", 64), Name: "data"}, "namespace"},
		"a name of 254 characters":            {backup.Claim{Namespace: "app", Name: strings.Repeat("a", 254)}, "pvc"},
		"upper case":                          {backup.Claim{Namespace: "App", Name: "data"}, "namespace"},
		"a name that begins with a dash":      {backup.Claim{Namespace: "app", Name: "-rf"}, "pvc"},
		"a name that ends with a dot":         {backup.Claim{Namespace: "app", Name: "data."}, "pvc"},
		"a name with two dots":                {backup.Claim{Namespace: "app", Name: "a..b"}, "pvc"},
		"a path":                              {backup.Claim{Namespace: "app", Name: "../etc"}, "pvc"},
		"a name that ends with a line break":  {backup.Claim{Namespace: "app", Name: "data\n"}, "pvc"},
		"a namespace with a letter of no use": {backup.Claim{Namespace: "äpp", Name: "data"}, "namespace"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := test.claim.Validate()
			require.Error(t, err)
			assert.Equal(t, backup.Invalid, backup.KindOf(err))
			assert.Equal(t, test.field, backup.FieldOf(err))
			assert.Less(t, len(err.Error()), 300, "a message quotes no more than it must")
		})
	}
}

func TestValidateAgreesWithKubernetes(t *testing.T) {
	text := rapid.OneOf(
		rapid.StringMatching(`[a-z0-9.-]{0,70}`),
		rapid.StringMatching(`[a-z0-9]([-a-z0-9.]{0,250}[a-z0-9])?`),
		rapid.StringOfN(rapid.RuneFrom([]rune("aZ09-./ \n\x00ä")), 0, 260, -1),
	)
	rapid.Check(t, func(t *rapid.T) {
		claim := backup.Claim{Namespace: text.Draw(t, "namespace"), Name: text.Draw(t, "name")}
		wellNamed := len(validation.IsDNS1123Label(claim.Namespace)) == 0 && len(validation.IsDNS1123Subdomain(claim.Name)) == 0
		assert.Equal(t, wellNamed, claim.Validate() == nil, "%q", claim)
	})
}

func TestParseClaim(t *testing.T) {
	claim, err := backup.ParseClaim("media/photos.2024")
	require.NoError(t, err)
	assert.Equal(t, backup.Claim{Namespace: "media", Name: "photos.2024"}, claim)

	for name, text := range map[string]string{
		"without a slash":    "photos",
		"with two slashes":   "media/photos/2024",
		"without a name":     "media/",
		"without namespace":  "/photos",
		"with spaces around": " media/photos ",
		"empty":              "",
	} {
		t.Run("refuses a claim "+name, func(t *testing.T) {
			got, err := backup.ParseClaim(text)
			assert.Equal(t, backup.Invalid, backup.KindOf(err))
			assert.Zero(t, got)
		})
	}
}

func FuzzParseClaim(f *testing.F) {
	for _, seed := range []string{"media/photos", "", "/", "a/b/c", "A/b", "a/" + strings.Repeat("b", 254), "a/b\n", "\xff/\x00", "a/-", "../..", "a/b.c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		claim, err := backup.ParseClaim(text)
		if err != nil {
			assert.Equal(t, backup.Invalid, backup.KindOf(err))
			assert.Zero(t, claim)
			assert.True(t, utf8.ValidString(err.Error()))
			return
		}
		require.NoError(t, claim.Validate())
		assert.Equal(t, text, claim.String(), "what was read is written again")
	})
}
