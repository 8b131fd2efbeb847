package backup

import (
	"regexp"
	"strings"
	"unicode"
)

// Command returns a command for a person to copy and run. A word that a shell would
// take for anything but that one word is quoted: what a repository calls itself may
// hold any characters. What cannot be seen is a question mark, so that a terminal does
// nothing when the command is shown or pasted.
func Command(words ...string) string {
	quoted := make([]string, 0, len(words))
	for _, word := range words {
		word = Printable(word)
		if !plainWord.MatchString(word) {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		quoted = append(quoted, word)
	}
	return strings.Join(quoted, " ")
}

// plainWord matches what means itself in every shell.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@=,+-]+$`)

// Printable returns text that somebody else wrote with a question mark in place of each
// character that cannot be seen: one that ends a line, moves a cursor or turns the
// direction of writing.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}
