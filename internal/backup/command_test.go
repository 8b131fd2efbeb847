package backup_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/soteria-dr/soteria/internal/backup"
)

func TestACommandIsShownAsAPersonWouldTypeIt(t *testing.T) {
	for _, test := range []struct {
		words []string
		want  string
	}{
		{[]string{"soteria", "repository", "accept", "--claim", "ai/cache"}, "soteria repository accept --claim ai/cache"},
		{[]string{"accept", "longhorn", "default=s3://backups@us-east-1/,second=nfs://nas:/share"}, "accept longhorn default=s3://backups@us-east-1/,second=nfs://nas:/share"},
		{[]string{"accept", "nfs://nas:/share?nfsOptions=soft&timeo=330"}, "accept 'nfs://nas:/share?nfsOptions=soft&timeo=330'"},
		{[]string{"accept", "x; rm -rf /"}, "accept 'x; rm -rf /'"},
		{[]string{"accept", "it's"}, `accept 'it'\''s'`},
		{[]string{"accept", "a\nrm -rf /\x1b[201~\u202e"}, "accept 'a?rm -rf /?[201~?'"},
		{[]string{"accept", ""}, "accept ''"},
	} {
		assert.Equal(t, test.want, backup.Command(test.words...))
	}
}

// FuzzCommand has a shell take a command apart: it must find the words again, as they
// are shown, and nothing to do.
func FuzzCommand(f *testing.F) {
	for _, word := range []string{"5e1f", "x; rm -rf /", "$(touch /tmp/x)", "`id`", "a b", "it's", `\`, `\'`, "~", "*", "!!", "a&b", "#", "\n", "\x00", "\u202e", "é", "-n", "$HOME", "{a,b}", "\xff"} {
		f.Add(word, "ai/cache")
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		f.Skip("there is no shell")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		script := "set -- " + backup.Command("x", first, second) + `; shift; printf '%s\n' "$#" "$@"`
		answer, err := exec.CommandContext(t.Context(), shell, "-c", script).Output()
		if err != nil {
			t.Fatalf("%s: %v", script, err)
		}
		want := "2\n" + backup.Printable(first) + "\n" + backup.Printable(second) + "\n"
		if strings.Contains(backup.Command(first, second), "\n") || string(answer) != want {
			t.Fatalf("%s: %q, want %q", script, answer, want)
		}
	})
}
