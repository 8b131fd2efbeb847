package expectation_test

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/expectation"
)

var epoch = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func taken(at ...time.Time) []backup.Backup {
	backups := make([]backup.Backup, 0, len(at))
	for i, t := range at {
		backups = append(backups, backup.Backup{ID: fmt.Sprintf("id-%d", i), TakenAt: t})
	}
	return backups
}

func TestANewestBackupThatVanishesIsMissingWhetherOrNotOlderOnesRemain(t *testing.T) {
	newest, older := epoch.Add(time.Hour), epoch
	r := expectation.Record{}.Observe(taken(newest, older), epoch)
	for name, test := range map[string]struct {
		backups []backup.Backup
		missing bool
	}{
		"all are there":                     {taken(newest, older), false},
		"the same under another id":         {[]backup.Backup{{ID: "copied", TakenAt: newest}}, false},
		"only older ones went":              {taken(newest), false},
		"a newer one came and all old went": {taken(newest.Add(time.Hour)), false},
		"the newest went":                   {taken(older), true},
		"all went":                          {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := r.Missing(test.backups); got != test.missing {
				t.Errorf("Missing = %v, want %v", got, test.missing)
			}
		})
	}
}

func TestAListingNeverLowersWhatIsExpectedAndSettlingDoes(t *testing.T) {
	newest, older := epoch.Add(time.Hour), epoch
	r := expectation.Record{}.Observe(taken(newest, older), epoch)
	if got := r.Observe(taken(older), epoch.AddDate(0, 0, 3)); got != r {
		t.Errorf("a listing without the newest changed the record to %+v", got)
	}
	settled := r.Settle(taken(older), epoch)
	if settled.Missing(taken(older)) || !settled.Missing(nil) {
		t.Errorf("settled on the older backup, the record is %+v", settled)
	}
	if gone := r.Settle(nil, epoch); gone.Missing(nil) || gone.Epoch != 1 {
		t.Errorf("settled on nothing, the record is %+v", gone)
	}
}

func TestARecordChangesOnceADayWhileNothingElseDoes(t *testing.T) {
	r := expectation.Record{}.Observe(taken(epoch), epoch)
	if got := r.Observe(taken(epoch), epoch.Add(time.Hour)); got != r {
		t.Errorf("within the day the record became %+v", got)
	}
	if got := r.Observe(taken(epoch), epoch.Add(24*time.Hour)); got == r || got.SeenAt.Before(epoch) {
		t.Errorf("the day after, the record is %+v", got)
	}
}

func TestABackupThatSoteriaRemovesIsNeitherExpectedAgainNorForgottenForEver(t *testing.T) {
	newest, older := epoch.Add(time.Hour), epoch
	r := expectation.Record{}.Observe(taken(newest, older), epoch)
	settled := r.Forget(taken(newest), taken(older), epoch)
	if settled.Missing(taken(older)) || !settled.Missing(nil) {
		t.Errorf("before the removal the record is %+v", settled)
	}
	if got := settled.Observe(taken(newest, older), epoch.Add(time.Minute)); got.Missing(taken(older)) {
		t.Errorf("a listing from before the removal made it expected again: %+v", got)
	}
	if got := settled.Observe(taken(newest, older), epoch.Add(2*time.Hour)); !got.Missing(taken(older)) {
		t.Errorf("a backup that was never removed is not expected any more: %+v", got)
	}
	if later := newest.Add(time.Minute); !settled.Observe(taken(later, older), epoch.Add(time.Minute)).Missing(taken(older)) {
		t.Error("a backup that is newer than what is removed is not expected")
	}
	if got := r.Forget(taken(older), taken(newest), epoch); got != r {
		t.Errorf("the removal of an older backup changed the record to %+v", got)
	}
}

func TestThatAPersonAcceptedIsKeptWhateverComesAfter(t *testing.T) {
	r := expectation.Record{}.Observe(taken(epoch), epoch).Accept(nil, epoch.Add(time.Hour))
	if !r.AcceptedAt.Equal(epoch.Add(time.Hour)) || r.Missing(nil) {
		t.Fatalf("accepted, the record is %+v", r)
	}
	claim := backup.Claim{Namespace: "ns", Name: "a"}
	later := r.Observe(taken(epoch.Add(2*time.Hour)), epoch.AddDate(0, 0, 1)).Settle(nil, epoch.AddDate(0, 0, 2))
	elsewhere := expectation.Record{Epoch: 9, Newest: epoch}
	joined := expectation.Union(expectation.Claims{claim: later}, expectation.Claims{claim: elsewhere})[claim]
	if !joined.AcceptedAt.Equal(r.AcceptedAt) || joined.Epoch != 9 {
		t.Errorf("joined, the record is %+v", joined)
	}
}

func claims() *rapid.Generator[expectation.Claims] {
	return rapid.Custom(func(t *rapid.T) expectation.Claims {
		c := expectation.Claims{}
		for range rapid.IntRange(0, 4).Draw(t, "claims") {
			claim := backup.Claim{Namespace: "ns", Name: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")}
			r := expectation.Record{Epoch: rapid.IntRange(0, 2).Draw(t, "epoch")}
			if rapid.Bool().Draw(t, "expected") {
				r.Newest = epoch.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "hours")) * time.Hour)
				r.SeenAt = epoch.AddDate(0, 0, rapid.IntRange(0, 1).Draw(t, "days"))
				r.Leaving = r.Newest.Add(time.Duration(rapid.IntRange(0, 1).Draw(t, "leaving")) * time.Hour)
				r.LeavingUntil = epoch.Add(time.Duration(rapid.IntRange(0, 1).Draw(t, "until")) * time.Hour)
				r.ID, r.Count = rapid.SampledFrom([]string{"x", "y"}).Draw(t, "id"), rapid.IntRange(1, 2).Draw(t, "count")
			}
			if rapid.Bool().Draw(t, "accepted") {
				r.AcceptedAt = epoch.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "accepted at")) * time.Hour)
			}
			c[claim] = r
		}
		return c
	})
}

func TestAUnionDependsOnNoOrderAndNoRepetition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := claims().Draw(t, "a"), claims().Draw(t, "b"), claims().Draw(t, "c")
		before := maps.Clone(a)
		ab := expectation.Union(a, b)
		switch {
		case !reflect.DeepEqual(ab, expectation.Union(b, a)):
			t.Fatal("the order of two matters")
		case !reflect.DeepEqual(expectation.Union(ab, c), expectation.Union(a, expectation.Union(b, c))):
			t.Fatal("the order of three matters")
		case !reflect.DeepEqual(expectation.Union(ab, a), ab):
			t.Fatal("joining again changes the union")
		case !reflect.DeepEqual(a, before):
			t.Fatal("a union changed its part")
		}
	})
}

func TestWhatIsEncodedIsDecodedWholeOrNotAtAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := claims().Draw(t, "claims")
		var encoded bytes.Buffer
		if err := expectation.Encode(&encoded, want); err != nil {
			t.Fatal(err)
		}
		got, err := expectation.Decode(bytes.NewReader(encoded.Bytes()))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("decoded %v, %v; want %v", got, err, want)
		}
		if cut := rapid.IntRange(0, encoded.Len()-2).Draw(t, "cut"); cut >= 0 {
			if got, err := expectation.Decode(bytes.NewReader(encoded.Bytes()[:cut])); err == nil {
				t.Fatalf("%d of %d bytes decoded to %v", cut, encoded.Len(), got)
			}
		}
	})
}

func TestDecodeRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for name, text := range map[string]string{
		"a later format":    `{"format":2,"records":0}`,
		"an unknown field":  `{"format":1,"records":1}` + "\n" + `{"ns":"a","pvc":"b","more":1}`,
		"a claim twice":     `{"format":1,"records":2}` + "\n" + `{"ns":"a","pvc":"b"}` + "\n" + `{"ns":"a","pvc":"b"}`,
		"no claim's name":   `{"format":1,"records":1}` + "\n" + `{"ns":"A","pvc":"b"}`,
		"too few records":   `{"format":1,"records":2}` + "\n" + `{"ns":"a","pvc":"b"}`,
		"nothing":           ``,
		"something else":    `[]`,
		"a missing format":  `{"records":0}`,
		"a line of garbage": `{"format":1,"records":1}` + "\nx",
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := expectation.Decode(strings.NewReader(text)); err == nil {
				t.Errorf("decoded %v", got)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"format":1,"records":1}` + "\n" + `{"ns":"a","pvc":"b","newest":"2026-01-01T00:00:00Z","id":"x","count":1}`)
	f.Fuzz(func(t *testing.T, text string) {
		claims, err := expectation.Decode(strings.NewReader(text))
		if err != nil {
			return
		}
		var encoded bytes.Buffer
		if err := expectation.Encode(&encoded, claims); err != nil {
			t.Fatal(err)
		}
		again, err := expectation.Decode(&encoded)
		if err != nil || !reflect.DeepEqual(again, claims) {
			t.Fatalf("%v became %v, %v", claims, again, err)
		}
	})
}
