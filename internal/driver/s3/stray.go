package s3

import (
	"fmt"
	"slices"
	"strings"

	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
)

// The settings about repositories in folders that are no claim's.
const (
	layoutSetting  = "SOTERIA_LOOKUP_S3_LAYOUT"
	foreignSetting = "SOTERIA_LOOKUP_S3_FOREIGN"
)

// keyFolder is the key of the one fact that is known of a repository; the bucket's
// root is rootFolder.
const (
	keyFolder  = "folder"
	rootFolder = "."
)

// maxToldFolders bounds how many folders are told of.
const maxToldFolders = 3

// ParseForeign reads the rules that say which folders hold repositories of no
// claim.
func ParseForeign(text string) ([]attribution.Rule, error) {
	rules, err := attribution.ParseForeign(text, keyFolder)
	if err != nil {
		return nil, backup.Errorf(backup.Invalid, "%s: %w", foreignSetting, err)
	}
	return rules, nil
}

// stray makes the stray that a repository in this folder is; false where it is
// declared as of no claim.
func (c Config) stray(folder string) (attribution.Stray, bool) {
	name := folder
	if folder == "" {
		name = rootFolder
	}
	facts := attribution.Facts{keyFolder: {name}}
	if (attribution.Rules{Foreign: c.Foreign}).Of(facts).Standing == attribution.Foreign {
		return attribution.Stray{}, false
	}
	s := attribution.Stray{ID: name, Facts: facts}
	// Below a prefix the claim is named by the last two folders.
	if parts := strings.Split(folder, "/"); len(parts) > 2 {
		claim := backup.Claim{Namespace: parts[len(parts)-2], Name: parts[len(parts)-1]}
		if claim.Validate() == nil {
			s.Claims = []backup.Claim{claim}
		}
	}
	return s, true
}

// words say what repositories in folders that are no claim's mean.
type words struct {
	layout attribution.Layout
	bucket string
}

var _ attribution.Words = words{}

// Doubt implements [attribution.Words].
func (w words) Doubt(repository string, strays []attribution.Stray) error {
	if len(strays) == 0 {
		return nil
	}
	var folders []string
	for _, s := range strays {
		folders = append(folders, s.ID)
	}
	slices.Sort(folders)
	told := make([]string, 0, maxToldFolders)
	for _, folder := range folders[:min(len(folders), maxToldFolders)] {
		told = append(told, w.where(folder))
	}
	more := ""
	if n := len(folders) - len(told); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	accept := backup.Command("soteria", "repository", "accept", Name, repository)
	return backup.WithSettle(backup.Errorf(backup.Unavailable, "the bucket holds %d restic repositories whose folders are no claim's by the layout %q, so that they may be of this one: %s%s. "+
		"Say where claims' repositories are with %s%s, or that these are of no claim with %s (such as %q); "+
		"or accept those that are there now with `%s`",
		len(strays), w.layout, strings.Join(told, ", "), more, layoutSetting, suggestion(folders), foreignSetting,
		attribution.Settings{Keys: []string{keyFolder}}.SuggestForeign(attribution.Facts{keyFolder: {folders[0]}}), accept), accept)
}

// DoubtOf implements [attribution.Words].
func (w words) DoubtOf(claim backup.Claim, stray attribution.Stray) error {
	return backup.Errorf(backup.Unavailable, "the restic repository in %s may be of %s, and its folder is no claim's by the layout %q: say where claims' repositories are with %s%s",
		w.where(stray.ID), claim, w.layout, layoutSetting, suggestion([]string{stray.ID}))
}

// where names a folder of the bucket for people.
func (w words) where(folder string) string {
	if folder == rootFolder {
		return "the root of bucket " + w.bucket
	}
	return backup.Clip(backup.Printable(w.bucket+"/"+folder), 120)
}

// suggestion shows a layout that makes one of the folders a claim's, where there is
// one.
func suggestion(folders []string) string {
	for _, folder := range folders {
		parts := strings.Split(folder, "/")
		layout := "{pvc} => <namespace>/{pvc}"
		if n := len(parts); n > 1 {
			layout = strings.Join(append(slices.Clone(parts[:n-2]), "{namespace}", "{pvc}"), "/")
		}
		example, err := attribution.ParseLayout(strings.ReplaceAll(layout, "<namespace>", "n"))
		if err != nil {
			continue
		}
		if _, fits := example.Claim(folder); fits {
			return fmt.Sprintf(" (such as %q)", layout)
		}
	}
	return ""
}
