package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/retention"
	"github.com/soteria-dr/soteria/internal/schedule/policy"
)

var (
	photos = backup.Claim{Namespace: "media", Name: "photos"}
	noon   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func TestAPolicyThatMakesNoSenseIsRefusedByItsField(t *testing.T) {
	cases := map[string]struct {
		policy policy.Policy
		field  string
	}{
		"no namespace":                        {policy.Policy{IntervalHours: 6}, "namespace"},
		"a namespace that is none":            {policy.Policy{Namespace: "Media", IntervalHours: 6}, "namespace"},
		"a claim that is a path":              {policy.Policy{Namespace: "media", PVC: "../photos", IntervalHours: 6}, "pvc"},
		"no time":                             {policy.Policy{Namespace: "media"}, "interval_hours"},
		"two times":                           {policy.Policy{Namespace: "media", IntervalHours: 6, Schedule: "@daily"}, "schedule"},
		"a negative interval":                 {policy.Policy{Namespace: "media", IntervalHours: -1}, "interval_hours"},
		"an interval beyond a year":           {policy.Policy{Namespace: "media", IntervalHours: 8785}, "interval_hours"},
		"a word for a schedule":               {policy.Policy{Namespace: "media", Schedule: "daily"}, "schedule"},
		"none is for claims to say":           {policy.Policy{Namespace: "media", Schedule: "none"}, "schedule"},
		"a schedule with seconds":             {policy.Policy{Namespace: "media", Schedule: "*/10 * * * * *"}, "schedule"},
		"every few seconds":                   {policy.Policy{Namespace: "media", Schedule: "@every 30s"}, "schedule"},
		"less than five minutes":              {policy.Policy{Namespace: "media", Schedule: "@every 4m59s"}, "schedule"},
		"every ten years":                     {policy.Policy{Namespace: "media", Schedule: "@every 87600h"}, "schedule"},
		"when the machine starts":             {policy.Policy{Namespace: "media", Schedule: "@reboot"}, "schedule"},
		"a day that never comes":              {policy.Policy{Namespace: "media", Schedule: "0 0 31 2 *"}, "schedule"},
		"a zone and no times":                 {policy.Policy{Namespace: "media", Schedule: "CRON_TZ=Europe/Berlin"}, "schedule"},
		"a zone that is none":                 {policy.Policy{Namespace: "media", Schedule: "CRON_TZ=Mars/Olympus 0 2 * * *"}, "schedule"},
		"a zone that is a path":               {policy.Policy{Namespace: "media", Schedule: "TZ=../../etc/passwd 0 2 * * *"}, "schedule"},
		"a schedule without end":              {policy.Policy{Namespace: "media", Schedule: strings.Repeat("0,", 99) + "0 * * * *"}, "schedule"},
		"less than no backup to keep":         {policy.Policy{Namespace: "media", IntervalHours: 6, Keep: retention.Keep{Daily: -1}}, "keep.daily"},
		"more backups to keep than thinkable": {policy.Policy{Namespace: "media", IntervalHours: 6, Keep: retention.Keep{Yearly: 10000}}, "keep.yearly"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			err := test.policy.Validate()
			assert.Equal(t, backup.Invalid, backup.KindOf(err), "%v", err)
			assert.Equal(t, test.field, backup.FieldOf(err), "%v", err)
			assert.Less(t, len(backup.Message(err)), 400)
		})
	}
}

func TestSchedulesThatAreUnderstood(t *testing.T) {
	for _, text := range []string{
		"0 */6 * * *", "*/5 * * * *", "* * * * *", "15 3 * * MON-FRI", "0 0 29 2 *", " 0 4 * * * ",
		"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@every 5m", "@every 36h",
		"CRON_TZ=Europe/Berlin 0 2 * * *", "TZ=UTC @daily",
	} {
		assert.NoError(t, policy.Policy{Namespace: "media", Schedule: text}.Validate(), text)
	}
}

func TestIDsFollowFromTheTarget(t *testing.T) {
	namespace, claim := policy.Policy{Namespace: "media", IntervalHours: 6}, policy.Policy{Namespace: "media", PVC: "photos"}
	declared := claim
	declared.Source = policy.FromLabel
	assert.Regexp(t, `^[0-9a-f]{16}$`, namespace.ID())
	assert.NotEqual(t, namespace.ID(), claim.ID())
	assert.NotEqual(t, claim.ID(), declared.ID(), "a claim's declaration is not the API's policy for it")

	changed := namespace
	changed.IntervalHours, changed.Enabled, changed.Source = 12, true, policy.ForNamespace
	assert.Equal(t, namespace.ID(), changed.ID())
}

func TestAnIntervalsNextBackupBeginsBeforeTheLastIsAnIntervalOld(t *testing.T) {
	for name, test := range map[string]struct {
		interval, earliest, latest time.Duration
	}{
		"an hour":   {time.Hour, 54 * time.Minute, 57 * time.Minute},
		"six hours": {6 * time.Hour, 5*time.Hour + 24*time.Minute, 5*time.Hour + 42*time.Minute},
		"a day":     {24 * time.Hour, 23 * time.Hour, 23*time.Hour + 30*time.Minute},
		"a week":    {168 * time.Hour, 167 * time.Hour, 167*time.Hour + 30*time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			timing := policy.Every(test.interval)
			assert.Equal(t, noon.Add(test.latest), timing.Due(noon, 0))
			assert.Equal(t, noon.Add(test.earliest), timing.Due(noon, 1))
		})
	}
}

func TestATimeTablesNextBackupBeginsALittleAfterItsTime(t *testing.T) {
	for name, test := range map[string]struct {
		schedule      string
		last          time.Time
		soonest, late time.Time
	}{
		"the next one":                      {"0 */6 * * *", noon, noon.Add(6 * time.Hour), noon.Add(6*time.Hour + 3*time.Minute)},
		"right after the last one's spread": {"0 */6 * * *", noon.Add(3 * time.Minute), noon.Add(6 * time.Hour), noon.Add(6*time.Hour + 3*time.Minute)},
		"the first that was missed":         {"0 */6 * * *", noon.Add(-48 * time.Hour), noon.Add(-42 * time.Hour), noon.Add(-42*time.Hour + 3*time.Minute)},
		"a tenth of the gap":                {"*/10 * * * *", noon, noon.Add(10 * time.Minute), noon.Add(11 * time.Minute)},
		"in a zone of its own":              {"CRON_TZ=Europe/Berlin 0 2 * * *", noon, noon.Add(13 * time.Hour), noon.Add(13*time.Hour + 3*time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			timing, err := policy.ParseSchedule(test.schedule)
			require.NoError(t, err)
			assert.True(t, test.soonest.Equal(timing.Due(test.last, 0)), timing.Due(test.last, 0))
			assert.True(t, test.late.Equal(timing.Due(test.last, 1)), timing.Due(test.last, 1))
			assert.True(t, timing.Due(test.last.In(time.FixedZone("far", 9*3600)), 0).Equal(timing.Due(test.last, 0)), "the zone of the last backup does not matter")
		})
	}
}

func TestEveryInAScheduleIsAnInterval(t *testing.T) {
	timing, err := policy.ParseSchedule("@every 6h")
	require.NoError(t, err)
	assert.Equal(t, policy.Every(6*time.Hour), timing)
}

func TestWhatAClaimDeclares(t *testing.T) {
	const annotation = v1alpha1.BackupScheduleAnnotation
	cases := map[string]struct {
		labels, annotations map[string]string
		declared, enabled   bool
		source              policy.Source
		hours               int
		schedule            string
		warnings            int
	}{
		"nothing":                                {},
		"hourly":                                 {labels: map[string]string{"backup": "hourly"}, declared: true, enabled: true, source: policy.FromLabel, hours: 1},
		"daily":                                  {labels: map[string]string{"backup": "daily"}, declared: true, enabled: true, source: policy.FromLabel, hours: 24},
		"weekly":                                 {labels: map[string]string{"backup": "weekly"}, declared: true, enabled: true, source: policy.FromLabel, hours: 168},
		"a label that is another tool's":         {labels: map[string]string{"backup": "velero"}, warnings: 1},
		"a schedule":                             {annotations: map[string]string{annotation: "0 2 * * *"}, declared: true, enabled: true, source: policy.FromAnnotation, schedule: "0 2 * * *"},
		"a schedule, which wins over the label":  {labels: map[string]string{"backup": "daily"}, annotations: map[string]string{annotation: "0 2 * * *"}, declared: true, enabled: true, source: policy.FromAnnotation, schedule: "0 2 * * *"},
		"that it wants none":                     {labels: map[string]string{"backup": "daily"}, annotations: map[string]string{annotation: " None "}, declared: true, source: policy.FromAnnotation, schedule: "none"},
		"a schedule that is none":                {annotations: map[string]string{annotation: "nightly"}, warnings: 1},
		"an empty schedule":                      {annotations: map[string]string{annotation: ""}, warnings: 1},
		"a mistyped schedule, and so its label":  {labels: map[string]string{"backup": "daily"}, annotations: map[string]string{annotation: "0 2 * *"}, declared: true, enabled: true, source: policy.FromLabel, hours: 24, warnings: 1},
		"a mistyped schedule and mistyped label": {labels: map[string]string{"backup": "dayly"}, annotations: map[string]string{annotation: "0 2 * *"}, warnings: 2},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			p, declared, warnings := policy.Declaration(photos, test.labels, test.annotations)
			assert.Len(t, warnings, test.warnings)
			require.Equal(t, test.declared, declared)
			if !declared {
				assert.Zero(t, p)
				return
			}
			assert.Equal(t, policy.Policy{
				Namespace: "media", PVC: "photos", IntervalHours: test.hours, Schedule: test.schedule, Enabled: test.enabled, Source: test.source,
			}, p)
		})
	}
}

func TestWhichPolicyHoldsForAClaim(t *testing.T) {
	namespace := policy.Policy{Namespace: "media", IntervalHours: 6, Enabled: true, Keep: retention.Keep{Last: 7}}
	own := policy.Policy{Namespace: "media", PVC: "photos", IntervalHours: 12, Enabled: true}
	daily := map[string]string{"backup": "daily"}
	off := func(p policy.Policy) policy.Policy { p.Enabled = false; return p }
	keeping := func(p policy.Policy) policy.Policy { p.Keep = retention.Keep{Daily: 3}; return p }
	cases := map[string]struct {
		kept        []policy.Policy
		labels      map[string]string
		annotations map[string]string
		source      policy.Source
		enabled     bool
		keep        retention.Keep
	}{
		"none":                             {},
		"another namespace's is not its":   {kept: []policy.Policy{{Namespace: "web", IntervalHours: 6, Enabled: true}}},
		"another claim's is not its":       {kept: []policy.Policy{{Namespace: "media", PVC: "music", IntervalHours: 6, Enabled: true}}},
		"its namespace's":                  {kept: []policy.Policy{namespace}, source: policy.ForNamespace, enabled: true, keep: namespace.Keep},
		"its own over its namespace's":     {kept: []policy.Policy{namespace, own}, source: policy.ForClaim, enabled: true, keep: namespace.Keep},
		"its own, with what it keeps":      {kept: []policy.Policy{namespace, keeping(own)}, source: policy.ForClaim, enabled: true, keep: retention.Keep{Daily: 3}},
		"its own that is off":              {kept: []policy.Policy{namespace, off(keeping(own))}, source: policy.ForClaim},
		"its namespace's that is off":      {kept: []policy.Policy{off(namespace)}, source: policy.ForNamespace},
		"its own beside one that is off":   {kept: []policy.Policy{off(namespace), own}, source: policy.ForClaim, enabled: true},
		"its label over all of the API's":  {kept: []policy.Policy{namespace, keeping(own)}, labels: daily, source: policy.FromLabel, enabled: true, keep: retention.Keep{Daily: 3}},
		"its annotation, which wants none": {kept: []policy.Policy{namespace, own}, annotations: map[string]string{v1alpha1.BackupScheduleAnnotation: "none"}, source: policy.FromAnnotation},
		"its namespace's, as its own cannot be understood": {
			kept: []policy.Policy{namespace}, annotations: map[string]string{v1alpha1.BackupScheduleAnnotation: "?"}, source: policy.ForNamespace, enabled: true, keep: namespace.Keep,
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			book, err := policy.NewBook(test.kept)
			require.NoError(t, err)
			a, ok := book.For(photos, test.labels, test.annotations)
			assert.Equal(t, test.source != "", ok)
			assert.Equal(t, test.source, a.Policy.Source)
			assert.Equal(t, test.enabled, a.Policy.Enabled)
			assert.Equal(t, test.keep, a.Policy.Keep, "what is not backed up is not pruned")
			assert.Equal(t, test.enabled, a.Timing != policy.Timing{})
		})
	}
}

func FuzzParseSchedule(f *testing.F) {
	for _, seed := range []string{
		"0 */6 * * *", "@every 6h", "@every 1s", "@reboot", "TZ=", "CRON_TZ=UTC", "TZ= 0 0 * * *", "CRON_TZ=Local\t0 0 * * *", "0 0 31 2 *",
		"*/0 * * * *", "59-0 * * * *", "0 0 ? * 7", "1,2,,3 * * * *", "99999999999999999999 * * * *", "\x00", "0 0 29 2 MON", "@every -1h", "@every 2562047h47m", "none", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		timing, err := policy.ParseSchedule(text)
		if err != nil {
			assert.Equal(t, backup.Invalid, backup.KindOf(err))
			assert.Equal(t, "schedule", backup.FieldOf(err))
			return
		}
		due := timing.Due(noon, 0.5)
		assert.True(t, due.After(noon), "what is due next is later than the last")
		assert.Positive(t, timing.Gap(noon))
		p, declared, warnings := policy.Declaration(photos, nil, map[string]string{v1alpha1.BackupScheduleAnnotation: text})
		assert.True(t, declared, "what the API understands, a claim may say")
		assert.Empty(t, warnings)
		assert.Equal(t, strings.TrimSpace(text), p.Schedule)
	})
}
