package restore

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"pgregory.net/rapid"
)

func TestNoMoreFillsBeginThanMayAndNoneBeforeOneThatIsWantedMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 4).Draw(t, "most")
		now := time.Date(2026, 4, 12, 12, 0, 0, 0, time.UTC)
		var l line
		claims := map[types.UID]waiter{}
		working := sets.New[types.UID]()
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "seconds")) * time.Second)
			uid := types.UID(fmt.Sprintf("uid-%d", rapid.IntRange(0, 7).Draw(t, "claim")))
			switch rapid.SampledFrom([]string{"ask", "ask", "ask", "seen", "ends", "gone"}).Draw(t, "what") {
			case "ask":
				if working.Has(uid) {
					continue
				}
				own := waiter{key: types.NamespacedName{Namespace: "shop", Name: string(uid)}, claim: uid, wanted: rapid.Bool().Draw(t, "wanted"), made: now, since: now, asked: now, seen: now}
				if before, asked := claims[uid]; asked {
					own.made = before.made
				}
				_, held := l.granted[uid]
				if _, granted := l.ask(own, most, working); granted {
					delete(claims, uid)
					for _, other := range claims {
						if fresh := now.Sub(other.asked) < 2*askEvery; fresh && !held && other.before(own) < 0 && working.Len()+len(l.granted) >= most {
							t.Fatalf("%s began before %s, which is wanted more", uid, other.claim)
						}
					}
				} else {
					claims[uid] = own
				}
			case "seen": // the Job of one whose turn it was
				if _, granted := l.granted[uid]; granted {
					working.Insert(uid)
				}
			case "ends":
				working.Delete(uid)
				l.leave(uid)
				delete(claims, uid)
			case "gone":
				if !working.Has(uid) {
					l.leave(uid)
					delete(claims, uid)
				}
			}
			taken := working.Clone()
			for granted, at := range l.granted {
				if now.Sub(at) < grantedFor {
					taken.Insert(granted)
				}
			}
			if taken.Len() > most {
				t.Fatalf("%d run, and %d may", taken.Len(), most)
			}
		}
	})
}
