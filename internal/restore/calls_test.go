package restore_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
)

func TestARestoreTakesFewCallsAndNoConflict(t *testing.T) {
	for name, test := range map[string]struct {
		claims       int
		late, attach bool
		empty        bool
		most         int // calls for each claim
	}{
		"one, bound at once":                {claims: 1, most: 1000},
		"one, on storage that is attached":  {claims: 1, attach: true, most: 1000},
		"one, bound for the first consumer": {claims: 1, late: true, most: 1000},
		"one that starts empty":             {claims: 1, empty: true, most: 1000},
		"fifty at once":                     {claims: 50, most: 1000},
		"fifty at once, attached":           {claims: 50, attach: true, late: true, most: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStorm(t, aClass(test.late, corev1.PersistentVolumeReclaimDelete))
			s.attach = test.attach
			if test.empty {
				s.answer = none
			}
			s.boot()
			for i := range test.claims {
				s.apply(stormClaim(i))
			}
			s.until(s.completed(test.claims), "completed")
			last := noon
			for _, at := range s.boundAt {
				if at.After(last) {
					last = at
				}
			}
			t.Logf("%s: %d claims, the last bound after %s, %.1f calls and %.1f passes each, %d conflicts:%s", name, test.claims, last.Sub(noon),
				float64(s.total())/float64(test.claims), float64(s.passes)/float64(test.claims), s.conflicts(), s.table(test.claims))
			assert.LessOrEqual(t, s.total(), test.claims*test.most)
			fmt.Println(s.most)
		})
	}
}
