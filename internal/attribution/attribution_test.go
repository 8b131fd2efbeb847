package attribution_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
)

var settings = attribution.Settings{
	Driver: "restic", Noun: "restic snapshots", Unattributed: "SOTERIA_RESTIC_UNATTRIBUTED",
	Adopt: "SOTERIA_RESTIC_ADOPT", Foreign: "SOTERIA_RESTIC_FOREIGN", Keys: []string{"host", "path", "tag"},
}

// facts reads "host=a path=/b tag=c tag=d".
func facts(words string) attribution.Facts {
	f := attribution.Facts{}
	for word := range strings.FieldsSeq(words) {
		key, value, _ := strings.Cut(word, "=")
		f[key] = append(f[key], value)
	}
	return f
}

func rules(t testing.TB, adopt, foreign string) attribution.Rules {
	t.Helper()
	parsed, problems := attribution.ParseRules(settings, adopt, foreign)
	require.Empty(t, problems)
	return parsed
}

func TestARuleYieldsOneClaim(t *testing.T) {
	for name, test := range map[string]struct{ adopt, facts, want string }{
		"K8up's host and path":                     {"host={namespace},path=/data/{pvc}", "host=shop path=/data/db", "shop/db"},
		"a tag that is the claim":                  {"tag={namespace}/{pvc}", "host=x tag=nightly tag=shop/db", "shop/db"},
		"a host that is the claim":                 {"host={namespace}/{pvc}", "host=shop/db tag=moved", "shop/db"},
		"a fixed claim":                            {"tag=grafana => monitoring/grafana", "tag=grafana", "monitoring/grafana"},
		"a fixed namespace":                        {"path=/data/{pvc} => shop/{pvc}", "path=/data/db", "shop/db"},
		"a fixed name":                             {"host={namespace} => {namespace}/data", "host=shop", "shop/data"},
		"a name with something around it":          {"path=/x/{pvc}-backup => old-shop/{pvc}.1", "path=/x/db-backup", "old-shop/db.1"},
		"a tag with an equals sign":                {"tag=namespace={namespace},path=/data/{pvc}", "tag=namespace=shop path=/data/db", "shop/db"},
		"a star":                                   {"host=node-*,tag=grafana => monitoring/grafana", "host=node-7 tag=grafana", "monitoring/grafana"},
		"a name with dots after a slash":           {"tag={namespace}/{pvc}", "tag=shop/a.b.c", "shop/a.b.c"},
		"a name with dots before a dot":            {"tag={pvc}.{namespace}", "tag=a.b.c", "c/a.b"},
		"the same claim by two rules":              {"tag=a => shop/db; tag=b => shop/db", "tag=a tag=b", "shop/db"},
		"the same placeholder in two conditions":   {"host={namespace},path=/{namespace}/{pvc}", "host=shop path=/shop/db path=/home/db", "shop/db"},
		"several rules, on lines with space":       {"\n tag=a => shop/a \n\n tag = b  =>  shop / b ;", "tag=b", "shop/b"},
		"no rule":                                  {"", "tag=a", "unattributed"},
		"a value that no rule matches":             {"tag=a => shop/a", "tag=ab", "unattributed"},
		"a pattern is the whole value":             {"path=/data/{pvc} => shop/{pvc}", "path=/data/db/x", "unattributed"},
		"a key without values":                     {"host=*,tag=a => shop/a", "tag=a", "unattributed"},
		"a name that no claim can have":            {"path=/data/{pvc} => shop/{pvc}", "path=/data/My_App", "unattributed"},
		"a name with empty parts":                  {"path=/data/{pvc} => shop/{pvc}", "path=/data/a..b", "unattributed"},
		"a namespace that is too long":             {"host={namespace} => {namespace}/data", "host=" + strings.Repeat("n", 64), "unattributed"},
		"case matters":                             {"tag=grafana => monitoring/grafana", "tag=Grafana", "unattributed"},
		"two rules that disagree":                  {"tag=a => shop/a; tag=b => shop/b", "tag=a tag=b", "disputed"},
		"one rule that matches two tags":           {"tag={namespace}/{pvc}", "tag=shop/a tag=shop/b", "disputed"},
		"one rule that matches two paths":          {"path=/data/{pvc} => shop/{pvc}", "path=/data/a path=/data/b", "disputed"},
		"a claim whose namespace becomes too long": {"host={namespace} => x-{namespace}/data", "host=" + strings.Repeat("n", 63), "disputed"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, standing(rules(t, test.adopt, "").Of(facts(test.facts))))
		})
	}
}

// standing reports a ruling in one word.
func standing(r attribution.Ruling) string {
	switch r.Standing {
	case attribution.Adopted:
		return r.Claim.String()
	case attribution.Foreign:
		return "foreign"
	case attribution.Disputed:
		return "disputed"
	case attribution.Unattributed:
	}
	return "unattributed"
}

func TestWhatIsDeclaredForeignIsOfNoClaim(t *testing.T) {
	r := rules(t, "tag={namespace}/{pvc}", "host=laptop; path=/home/*")
	assert.Equal(t, "foreign", standing(r.Of(facts("host=laptop path=/data"))))
	assert.Equal(t, "foreign", standing(r.Of(facts("host=nas path=/home/me/pictures"))))
	assert.Equal(t, "unattributed", standing(r.Of(facts("host=laptop2 path=/data"))))
	both := r.Of(facts("host=laptop tag=shop/db"))
	assert.Equal(t, "disputed", standing(both), "a rule that adopts and one that disowns")
	assert.Equal(t, `rule "tag={namespace}/{pvc}" makes it one of shop/db, and rule "host=laptop" one of no claim`, both.Why)
}

func TestEveryMistakeInARuleIsNamed(t *testing.T) {
	for text, says := range map[string]string{
		"grafana => monitoring/grafana":      `"grafana" is not of the form <key>=<pattern>`,
		"hostname=a => a/b":                  `"hostname" is none of the keys host, path, tag`,
		"host= => a/b":                       "host has no pattern; * matches anything",
		"host=a":                             "it names no claim: add => <namespace>/<name>",
		"path=/data/{pvc}":                   "no condition says what {namespace} is: add it to one, or name it: => <namespace>/{pvc}",
		"host={namespace}":                   "no condition says what {pvc} is: add it to one, or name it: => {namespace}/<name>",
		"host=a => {namespace}/b":            "no condition says what {namespace} is",
		"host={namespace} => a/b":            "{namespace} is matched and not used after =>",
		"host=a => b":                        `"b" after => is not of the form <namespace>/<name>`,
		"host=a => a/b => c/d":               "can be no claim",
		"host=a => /b":                       "is not of the form <namespace>/<name>",
		"host=a => A/b":                      `"A/b" after => can be no claim`,
		"host=a => a/b/c":                    "can be no claim",
		"host={namespace}{pvc}":              "can be read in two ways",
		"host={namespace}-{pvc}":             "can be read in two ways",
		"host={pvc}-x-{namespace}":           "can be read in two ways",
		"host={pvc}*{namespace}":             "can be read in two ways",
		"host={namespace}/*{pvc}":            "has * and a placeholder",
		"host={namespace}/{namespace}/{pvc}": "has {namespace} twice",
		"host={name}/{pvc} => a/{pvc}":       `"{name}" is none of {namespace} and {pvc}`,
		"host={pvc => a/{pvc}":               `"{pvc" is none of {namespace} and {pvc}`,
		"host=a} => a/b":                     `"}" is none of {namespace} and {pvc}`,
		"host=a, => a/b":                     `"" is not of the form <key>=<pattern>`,
	} {
		t.Run(text, func(t *testing.T) {
			_, problems := attribution.ParseRules(settings, "tag=fine => a/b; "+text, "")
			require.Len(t, problems, 1)
			assert.ErrorContains(t, problems[0], "SOTERIA_RESTIC_ADOPT: rule "+fmt.Sprintf("%q", text))
			assert.ErrorContains(t, problems[0], says)
			assert.Equal(t, backup.Invalid, backup.KindOf(problems[0]))
		})
	}
	for text, says := range map[string]string{
		"host={namespace}": "what is of no claim has no {namespace}; * matches anything",
		"host=a => b/c":    "what is of no claim has no claim after =>",
		"laptop":           "is not of the form <key>=<pattern>",
	} {
		t.Run("foreign "+text, func(t *testing.T) {
			_, problems := attribution.ParseRules(settings, "", text)
			require.Len(t, problems, 1)
			assert.ErrorContains(t, problems[0], "SOTERIA_RESTIC_FOREIGN: rule")
			assert.ErrorContains(t, problems[0], says)
		})
	}
	_, err := attribution.ParseAdopt("a; b", settings.Keys...)
	assert.ErrorContains(t, err, `rule "a": `)
	assert.ErrorContains(t, err, `; rule "b": `)
}

func drawFacts(t *rapid.T) attribution.Facts {
	value := rapid.OneOf(
		rapid.StringMatching(`[a-c]{1,2}(/[a-c.-]{1,3})?`),
		rapid.StringMatching(`/(data|home)/[a-cA.-]{1,3}`),
		rapid.StringMatching(`(namespace|pvc)=[a-c]{0,2}`),
		rapid.SampledFrom([]string{"volsync", "/data", "grafana", " a ", "a,b", "a;b", "{pvc}", "a=>b", "*", "\n", "\xff", ""}),
		rapid.String(),
	)
	f := attribution.Facts{}
	for _, key := range settings.Keys {
		f[key] = rapid.SliceOfN(value, 0, 3).Draw(t, key)
	}
	return f
}

func TestASuggestedRuleSettlesWhatItIsSuggestedFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFacts(t)
		known := strings.Join(f["host"], "")+strings.Join(f["path"], "")+strings.Join(f["tag"], "") != ""
		adopt := strings.NewReplacer("<namespace>", "n", "<name>", "n").Replace(settings.SuggestAdopt(f))
		parsed, err := attribution.ParseAdopt(adopt, settings.Keys...)
		require.NoError(t, err)
		foreign, err := attribution.ParseForeign(settings.SuggestForeign(f), settings.Keys...)
		require.NoError(t, err)
		if known {
			assert.Equal(t, attribution.Adopted, attribution.Rules{Adopt: parsed}.Of(f).Standing, "%q of %q", adopt, f)
			assert.Equal(t, attribution.Foreign, attribution.Rules{Foreign: foreign}.Of(f).Standing)
		}
	})
}

func TestWhatFactsHint(t *testing.T) {
	for from, want := range map[string][]string{
		"host=shop/db path=/data tag=moved":      {"shop/db"},
		"host=x tag=shop/db tag=a/b tag=shop/db": {"shop/db", "a/b"},
		"host=shop path=/data/db":                {"shop/db"},
		"host=Shop path=/data/db tag=a/b/c":      nil,
		"host=volsync path=/data":                nil,
		"":                                       nil,
	} {
		var got []string
		for _, claim := range attribution.Hints(facts(from)) {
			got = append(got, claim.String())
		}
		assert.Equal(t, want, got, from)
	}
}

func TestWhatIsSuggested(t *testing.T) {
	for from, want := range map[string]string{
		"host=volsync path=/data":              "host=volsync,path=/data => <namespace>/<name>",
		"host=shop path=/data/db":              "host={namespace},path=/data/{pvc}",
		"host=x path=/data tag=shop/db":        "tag={namespace}/{pvc}",
		"host=shop/db path=/data tag=moved":    "host={namespace}/{pvc}",
		"host=k path=/backup tag=grafana":      "tag=grafana => <namespace>/<name>",
		"host=k path=/x tag=namespace=shop":    "tag=namespace=shop => shop/<name>",
		"host=k path=/data/db tag=namespace=s": "tag=namespace={namespace},path=/data/{pvc}",
		"tag=>x":                               "tag=*x => <namespace>/<name>",
		"":                                     "host=* => <namespace>/<name>",
	} {
		assert.Equal(t, want, settings.SuggestAdopt(facts(from)), from)
	}
	assert.Equal(t, "host=laptop", settings.SuggestForeign(facts("host=laptop path=/home")))
	assert.Equal(t, "path=/home", settings.SuggestForeign(facts("path=/home")))
}

// TestARuleNeverMatchesInTwoWays compares what a pattern of two placeholders
// matches with every way to take the value apart.
func TestARuleNeverMatchesInTwoWays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		around := rapid.StringMatching(`[a./-]{0,2}`)
		before, between, after := around.Draw(t, "before"), around.Draw(t, "between"), around.Draw(t, "after")
		marks := rapid.SampledFrom([][2]string{{"{namespace}", "{pvc}"}, {"{pvc}", "{namespace}"}}).Draw(t, "marks")
		rule := "host=" + before + marks[0] + between + marks[1] + after
		_, err := attribution.ParseAdopt(rule)
		require.Error(t, err, "no key is known")
		parsed, err := attribution.ParseAdopt(rule, "host")
		if err != nil {
			return
		}
		value := rapid.StringMatching(`[ab./-]{1,9}`).Draw(t, "value")
		var ways []backup.Claim
		inner, ok := strings.CutPrefix(value, before)
		inner, fits := strings.CutSuffix(inner, after)
		for i := range inner {
			rest, found := strings.CutPrefix(inner[i:], between)
			claim := backup.Claim{Namespace: inner[:i], Name: rest}
			if marks[0] == "{pvc}" {
				claim = backup.Claim{Namespace: rest, Name: inner[:i]}
			}
			if ok && fits && found && claim.Validate() == nil {
				ways = append(ways, claim)
			}
		}
		got := attribution.Rules{Adopt: parsed}.Of(attribution.Facts{"host": {value}})
		switch len(ways) {
		case 0:
			assert.Equal(t, attribution.Unattributed, got.Standing, "%s of %s", rule, value)
		case 1:
			assert.Equal(t, attribution.Ruling{Standing: attribution.Adopted, Claim: ways[0]}, got, "%s of %s", rule, value)
		default:
			t.Fatalf("%s takes %s for any of %v", rule, value, ways)
		}
	})
}

func TestTheOrderOfRulesDoesNotMatter(t *testing.T) {
	one := rapid.SampledFrom([]string{
		"tag={namespace}/{pvc}", "host={namespace},path=/data/{pvc}", "tag=grafana => a/b", "host=a => a/c", "path=/data/{pvc} => a/{pvc}", "host={namespace}/{pvc}",
	})
	rapid.Check(t, func(t *rapid.T) {
		drawn := rapid.SliceOfN(one, 0, 4).Draw(t, "rules")
		turned := rapid.Permutation(drawn).Draw(t, "turned")
		f := drawFacts(t)
		a, err := attribution.ParseAdopt(strings.Join(drawn, ";"), settings.Keys...)
		require.NoError(t, err)
		b, err := attribution.ParseAdopt(strings.Join(turned, "\n"), settings.Keys...)
		require.NoError(t, err)
		x, y := attribution.Rules{Adopt: a}.Of(f), attribution.Rules{Adopt: b}.Of(f)
		assert.Equal(t, standing(x), standing(y))
		if x.Standing == attribution.Adopted {
			assert.NoError(t, x.Claim.Validate())
		}
	})
}

func FuzzRules(f *testing.F) {
	f.Add("host={namespace},path=/data/{pvc}", "shop", "/data/db")
	f.Add("tag=grafana => monitoring/grafana; host=*,path={pvc} => a/{pvc}", "x", "db")
	f.Add("host={", "}", "*")
	f.Fuzz(func(t *testing.T, text, host, path string) {
		f := attribution.Facts{"host": {host}, "path": {path}}
		if adopt, err := attribution.ParseAdopt(text, settings.Keys...); err == nil {
			if r := (attribution.Rules{Adopt: adopt}).Of(f); r.Standing == attribution.Adopted {
				require.NoError(t, r.Claim.Validate())
			}
		} else {
			require.Equal(t, backup.Invalid, backup.KindOf(err))
		}
		if foreign, err := attribution.ParseForeign(text, settings.Keys...); err == nil {
			require.Zero(t, (attribution.Rules{Foreign: foreign}).Of(f).Claim)
		}
	})
}

func TestTheDoubtTellsHowManyFromWhereAndWhatSettlesIt(t *testing.T) {
	day := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var strays []attribution.Stray
	for i, from := range []string{"host=nas path=/x", "host=volsync path=/data", "host=volsync path=/data", "host=a path=/y", "host=b path=/z tag=p tag=q"} {
		strays = append(strays, attribution.Stray{ID: strings.Repeat(fmt.Sprint(i), 64), TakenAt: day.AddDate(0, 0, i), Facts: facts(from)})
	}
	err := settings.Doubt("5e1f", strays)
	assert.Equal(t, backup.Unavailable, backup.KindOf(err))
	assert.EqualError(t, err, "nothing says which claim 5 restic snapshots are of, so that they may be of this one: "+
		"2 from host volsync, path /data (22222222 of 2026-01-04); 1 from host a, path /y (33333333 of 2026-01-05); and more from 2 other places. "+
		`Say whose they are with SOTERIA_RESTIC_ADOPT (such as "host=volsync,path=/data => <namespace>/<name>"), `+
		`or that they are of no claim with SOTERIA_RESTIC_FOREIGN (such as "host=volsync"), and see what that does with `+
		"`soteria repository adopt --dry-run restic`; or accept those that are there now with `soteria repository accept restic 5e1f`")
	assert.NoError(t, settings.Doubt("5e1f", nil))

	long := attribution.Stray{ID: "a", Facts: attribution.Facts{"host": {strings.Repeat("x\n", 5000)}, "tag": {"\x1b[31m"}}}
	err = settings.Doubt(strings.Repeat("f", 64), []attribution.Stray{long})
	assert.NotContains(t, err.Error(), "\n")
	assert.NotContains(t, err.Error(), "\x1b")
	assert.LessOrEqual(t, len(err.Error()), backup.MaxNote, "an event holds it")
}

func TestALayoutSaysWhichFolderIsAClaims(t *testing.T) {
	claim := backup.Claim{Namespace: "shop", Name: "db.1"}
	for layout, want := range map[string]string{
		"{namespace}/{pvc}":                   "shop/db.1",
		"volsync/{namespace}/{pvc}":           "volsync/shop/db.1",
		"{pvc}.{namespace}":                   "db.1.shop",
		"volsync/{pvc}-backup => shop/{pvc}":  "volsync/db.1-backup",
		"volsync/{pvc}-backup => other/{pvc}": "",
		"{namespace} => {namespace}/db.1":     "shop",
		"{namespace} => {namespace}/data":     "",
		"{pvc} => shop/{pvc}.1":               "",
	} {
		parsed, err := attribution.ParseLayout(layout)
		require.NoError(t, err, layout)
		folder, is := parsed.Folder(claim)
		assert.Equal(t, want != "", is, layout)
		if is {
			assert.Equal(t, want, folder, layout)
			of, _ := parsed.Claim(folder)
			assert.Equal(t, claim, of, layout)
		}
	}
}

func TestAFolderOfALayoutIsTheClaimsAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		layout, err := attribution.ParseLayout(rapid.SampledFrom([]string{"{namespace}/{pvc}", "a/{pvc}/{namespace}", "{pvc}.{namespace}", "x-{pvc} => n/{pvc}"}).Draw(t, "layout"))
		require.NoError(t, err)
		name := rapid.StringMatching(`[a-z0-9./-]{1,12}`)
		claim := backup.Claim{Namespace: rapid.SampledFrom([]string{"n", "a", "shop"}).Draw(t, "namespace"), Name: name.Draw(t, "name")}
		other := backup.Claim{Namespace: rapid.SampledFrom([]string{"n", "a", "shop"}).Draw(t, "other namespace"), Name: name.Draw(t, "other name")}
		folder, is := layout.Folder(claim)
		otherFolder, otherIs := layout.Folder(other)
		if is && otherIs && folder == otherFolder {
			assert.Equal(t, claim, other)
		}
		if of, isClaim := layout.Claim(folder); is {
			assert.True(t, isClaim)
			assert.Equal(t, claim, of)
		}
	})
}
