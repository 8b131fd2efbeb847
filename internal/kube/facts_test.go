package kube_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/decision"
	"github.com/soteria-dr/soteria/internal/kube"
)

var policy = kube.Policy{OwnNamespace: "soteria-system"}

func claim(change ...func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
	c := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
		Namespace: "ai", Name: "cache", Labels: map[string]string{}, Annotations: map[string]string{},
	}}
	for _, f := range change {
		f(c)
	}
	return c
}

func label(key, value string) func(*corev1.PersistentVolumeClaim) {
	return func(c *corev1.PersistentVolumeClaim) { c.Labels[key] = value }
}

func annotation(key, value string) func(*corev1.PersistentVolumeClaim) {
	return func(c *corev1.PersistentVolumeClaim) { c.Annotations[key] = value }
}

func restoreRef(name string) func(*corev1.PersistentVolumeClaim) {
	return func(c *corev1.PersistentVolumeClaim) {
		c.Spec.DataSourceRef = &corev1.TypedObjectReference{APIGroup: ptr.To(v1alpha1.Group), Kind: v1alpha1.RestoreKind, Name: name}
	}
}

func volume(name string) func(*corev1.PersistentVolumeClaim) {
	return func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = name }
}

func TestTheModeOfAClaim(t *testing.T) {
	cases := map[string]struct {
		claim     *corev1.PersistentVolumeClaim
		namespace map[string]string
		required  bool
		mode      decision.Mode
		problem   bool
	}{
		"without any label it is not opted in":                    {claim: claim(), mode: decision.NotOptedIn},
		"without any label the cluster's mode does not opt it in": {claim: claim(), required: true, mode: decision.NotOptedIn},
		"label auto":     {claim: claim(label(v1alpha1.RestoreLabel, "auto")), mode: decision.Auto},
		"label required": {claim: claim(label(v1alpha1.RestoreLabel, "required")), mode: decision.Required},
		"label skip":     {claim: claim(label(v1alpha1.RestoreLabel, "skip")), mode: decision.Skip},
		"label auto is raised in a cluster that requires restores":   {claim: claim(label(v1alpha1.RestoreLabel, "auto")), required: true, mode: decision.Required},
		"label skip is not raised":                                   {claim: claim(label(v1alpha1.RestoreLabel, "skip")), required: true, mode: decision.Skip},
		"a label that is none of these is a problem":                 {claim: claim(label(v1alpha1.RestoreLabel, "yes")), problem: true},
		"an empty label is a problem":                                {claim: claim(label(v1alpha1.RestoreLabel, "")), problem: true},
		"backup hourly opts in as auto":                              {claim: claim(label(v1alpha1.BackupLabel, "hourly")), mode: decision.Auto},
		"backup daily opts in as auto":                               {claim: claim(label(v1alpha1.BackupLabel, "daily")), mode: decision.Auto},
		"backup weekly opts in as auto":                              {claim: claim(label(v1alpha1.BackupLabel, "weekly")), mode: decision.Auto},
		"another backup label does not opt in":                       {claim: claim(label(v1alpha1.BackupLabel, "never")), mode: decision.NotOptedIn},
		"the namespace's auto is the default":                        {claim: claim(), namespace: map[string]string{v1alpha1.RestoreLabel: "auto"}, mode: decision.Auto},
		"the namespace's required is the default":                    {claim: claim(), namespace: map[string]string{v1alpha1.RestoreLabel: "required"}, mode: decision.Required},
		"the namespace's required wins over the backup label":        {claim: claim(label(v1alpha1.BackupLabel, "daily")), namespace: map[string]string{v1alpha1.RestoreLabel: "required"}, mode: decision.Required},
		"the claim's auto wins over the namespace's required":        {claim: claim(label(v1alpha1.RestoreLabel, "auto")), namespace: map[string]string{v1alpha1.RestoreLabel: "required"}, mode: decision.Auto},
		"the claim's skip wins over the namespace":                   {claim: claim(label(v1alpha1.RestoreLabel, "skip")), namespace: map[string]string{v1alpha1.RestoreLabel: "required"}, mode: decision.Skip},
		"a namespace cannot skip for all its claims":                 {claim: claim(), namespace: map[string]string{v1alpha1.RestoreLabel: "skip"}, problem: true},
		"a mistyped namespace label is a problem, never a no":        {claim: claim(), namespace: map[string]string{v1alpha1.RestoreLabel: "requird"}, problem: true},
		"a mistyped namespace label does not bother a labeled claim": {claim: claim(label(v1alpha1.RestoreLabel, "auto")), namespace: map[string]string{v1alpha1.RestoreLabel: "requird"}, mode: decision.Auto},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := policy
			p.Required = tc.required
			facts := kube.Facts(tc.claim, tc.namespace, nil, p)
			assert.Equal(t, tc.mode, facts.Mode)
			assert.Equal(t, tc.problem, facts.ModeProblem != "", facts.ModeProblem)
		})
	}
}

func TestWhoseVolumeAClaimAsksFor(t *testing.T) {
	cases := map[string]struct {
		claim   *corev1.PersistentVolumeClaim
		chosen  bool
		foreign bool
	}{
		"a plain claim asks for none":                           {claim: claim()},
		"a volume's name is the user's choice":                  {claim: claim(volume("pv-1")), chosen: true},
		"a lock with a reference to its Restore is Soteria's":   {claim: claim(volume("soteria-abc"), restoreRef("soteria-abc"))},
		"a lock's name without a Restore is the user's choice":  {claim: claim(volume("soteria-abc")), chosen: true},
		"a Restore of the user's with a lock is Soteria's":      {claim: claim(volume("soteria-abc"), restoreRef("mine"))},
		"a Restore of the user's with a volume is their choice": {claim: claim(volume("pv-1"), restoreRef("mine")), chosen: true},
		"a reference to a Restore is not foreign":               {claim: claim(restoreRef("mine"))},
		"a snapshot is foreign": {claim: claim(func(c *corev1.PersistentVolumeClaim) {
			c.Spec.DataSource = &corev1.TypedLocalObjectReference{APIGroup: ptr.To("snapshot.storage.k8s.io"), Kind: "VolumeSnapshot", Name: "s"}
		}), foreign: true},
		"another group's Restore is foreign": {claim: claim(func(c *corev1.PersistentVolumeClaim) {
			c.Spec.DataSourceRef = &corev1.TypedObjectReference{APIGroup: ptr.To("k8up.io"), Kind: "Restore", Name: "s"}
		}), foreign: true},
		"a Restore in another namespace is foreign": {claim: claim(restoreRef("mine"), func(c *corev1.PersistentVolumeClaim) {
			c.Spec.DataSourceRef.Namespace = ptr.To("elsewhere")
		}), foreign: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			facts := kube.Facts(tc.claim, nil, nil, policy)
			assert.Equal(t, tc.chosen, facts.VolumeChosen, "volume chosen")
			assert.Equal(t, tc.foreign, facts.ForeignSource, "foreign source")
		})
	}
}

func TestWhetherTheWishOfAClaimCanBeRead(t *testing.T) {
	const lock, another = "soteria-aaaaaaaaaaaaaaaa", "soteria-bbbbbbbbbbbbbbbb"
	mine := &v1alpha1.Restore{}
	made := func(uid string) *v1alpha1.Restore {
		return &v1alpha1.Restore{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{v1alpha1.RoleLabel: v1alpha1.RoleLocked, v1alpha1.ClaimUIDLabel: uid}}}
	}
	uid := func(c *corev1.PersistentVolumeClaim) { c.UID = "uid-2" }
	cases := map[string]struct {
		claim   *corev1.PersistentVolumeClaim
		restore *v1alpha1.Restore
		missing string
	}{
		"a plain claim has none":                               {claim: claim()},
		"a Restore that exists is read":                        {claim: claim(restoreRef("mine")), restore: mine},
		"one that does not exist is missing":                   {claim: claim(restoreRef("mine")), missing: "mine"},
		"also to a claim that is locked":                       {claim: claim(volume(lock), restoreRef("mine")), missing: "mine"},
		"also where its name only looks like a lock":           {claim: claim(volume(lock), restoreRef("soteria-mine")), missing: "soteria-mine"},
		"the lock's own is made by Soteria":                    {claim: claim(volume(lock), restoreRef(lock))},
		"another lock's was made for an earlier life":          {claim: claim(volume(lock), restoreRef(another))},
		"also before the claim is locked":                      {claim: claim(restoreRef(another))},
		"also one that a policy in the API server locked":      {claim: claim(restoreRef(kube.NamedLock("ai", "cache")))},
		"one that Soteria made for this very claim counts":     {claim: claim(uid, volume(lock), restoreRef("mine")), restore: made("uid-2")},
		"one that Soteria made for an earlier life is missing": {claim: claim(uid, volume(lock), restoreRef("mine")), restore: made("uid-1"), missing: "mine"},
		"also to a claim that has no uid yet":                  {claim: claim(restoreRef("mine")), restore: made("uid-1"), missing: "mine"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.missing, kube.Facts(tc.claim, nil, tc.restore, policy).MissingRestore)
		})
	}
}

func TestWhichBackupAClaimWants(t *testing.T) {
	self := backup.Claim{Namespace: "ai", Name: "cache"}
	asOf := time.Date(2026, 4, 12, 15, 30, 0, 0, time.UTC)
	restore := &v1alpha1.Restore{Spec: v1alpha1.RestoreSpec{
		Source: &v1alpha1.SourceClaim{Name: "other"}, AsOf: ptr.To(metav1.NewTime(asOf)), Backup: "0123456789",
	}}
	cases := map[string]struct {
		claim    *corev1.PersistentVolumeClaim
		restore  *v1alpha1.Restore
		source   backup.Claim
		selector backup.Selector
		problem  bool
	}{
		"by default the newest of its own": {claim: claim(), source: self},
		"another claim's, by annotation":   {claim: claim(annotation(v1alpha1.RestoreFromAnnotation, "web/data")), source: backup.Claim{Namespace: "web", Name: "data"}},
		"one at a time, by annotation":     {claim: claim(annotation(v1alpha1.RestoreAsOfAnnotation, "2026-04-12T15:30:00Z")), source: self, selector: backup.Selector{AsOf: asOf}},
		"one by its id":                    {claim: claim(annotation(v1alpha1.RestoreBackupAnnotation, "abcdef0123")), source: self, selector: backup.Selector{ID: "abcdef0123"}},
		"what its Restore says": {claim: claim(restoreRef("mine")), restore: restore,
			source: backup.Claim{Namespace: "ai", Name: "other"}, selector: backup.Selector{AsOf: asOf, ID: "0123456789"}},
		"annotations win over the Restore": {claim: claim(restoreRef("mine"), annotation(v1alpha1.RestoreBackupAnnotation, "ffffffffff")), restore: restore,
			source: backup.Claim{Namespace: "ai", Name: "other"}, selector: backup.Selector{AsOf: asOf, ID: "ffffffffff"}},
		"a source without a namespace is a problem":     {claim: claim(annotation(v1alpha1.RestoreFromAnnotation, "data")), source: self, problem: true},
		"a time that is none is a problem":              {claim: claim(annotation(v1alpha1.RestoreAsOfAnnotation, "yesterday")), source: self, problem: true},
		"an id too short to be unique is a problem":     {claim: claim(annotation(v1alpha1.RestoreBackupAnnotation, "abc")), source: self, problem: true},
		"an empty id is a problem and not the newest":   {claim: claim(annotation(v1alpha1.RestoreBackupAnnotation, "")), source: self, problem: true},
		"an empty time is a problem, not the newest":    {claim: claim(annotation(v1alpha1.RestoreAsOfAnnotation, "")), source: self, problem: true},
		"an empty source is a problem, not the claim's": {claim: claim(annotation(v1alpha1.RestoreFromAnnotation, "")), source: self, problem: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			facts := kube.Facts(tc.claim, nil, tc.restore, policy)
			assert.Equal(t, tc.source, facts.Source)
			assert.Equal(t, tc.selector, facts.Selector)
			assert.Equal(t, tc.problem, facts.SelectionProblem != "", facts.SelectionProblem)
		})
	}
}

func TestSoteriaKeepsOutOfInfrastructure(t *testing.T) {
	for _, namespace := range []string{"kube-system", "longhorn-system", "soteria-system"} {
		c := claim(label(v1alpha1.RestoreLabel, "auto"))
		c.Namespace = namespace
		assert.True(t, kube.Facts(c, nil, nil, policy).Excluded, namespace)
	}
	assert.False(t, kube.Facts(claim(), nil, nil, policy).Excluded)
}

func TestALabelOfSoteriasCountsOnlyInItsOwnNamespace(t *testing.T) {
	forged := claim(label(v1alpha1.ManagedByLabel, v1alpha1.ManagedBy), label(v1alpha1.RestoreLabel, "auto"))
	assert.False(t, kube.Facts(forged, nil, nil, policy).MadeBySoteria)
	forged.Namespace = "soteria-system"
	assert.True(t, kube.Facts(forged, nil, nil, policy).MadeBySoteria)
}

func TestLocksAreUniqueAndFitAVolumeName(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		lock := kube.NewLock()
		assert.Regexp(t, `^soteria-[a-z2-7]{16}$`, lock)
		assert.True(t, kube.IsLock(lock))
		assert.False(t, seen[lock])
		seen[lock] = true
	}
	assert.False(t, kube.IsLock("soteria-"), "the prefix alone is no lock")
	assert.False(t, kube.IsLock("pvc-123"))
}
