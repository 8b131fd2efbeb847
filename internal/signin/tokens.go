package signin

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/soteria-dr/soteria/internal/secret"
)

// The lengths of tokens, in characters, and of a file of them, in bytes. A token that
// is shorter than SafeToken can be guessed, which is for its owner to be warned of.
const (
	SafeToken    = 16
	longestToken = 4096
	largestFile  = 1 << 20
)

// unnamed is the user of a token that was given no name.
const unnamed = "bearer-token"

var (
	// tokenPattern is RFC 6750's. It has no colon, so a name before one is no
	// part of the token.
	tokenPattern = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)
	namePattern  = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._@-]{0,62})$`)
)

// Tokens are bearer tokens, of which only a digest is kept.
type Tokens []token

// Format implements [fmt.Formatter]: nothing of them is printed.
func (t Tokens) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, secret.Redacted) // a printer has nobody to report to
}

type token struct {
	name   string
	digest secret.String
	short  bool
}

// Short returns the numbers, from 1, of the tokens that are so short that they can be
// guessed.
func (t Tokens) Short() []int {
	var numbers []int
	for i, each := range t {
		if each.short {
			numbers = append(numbers, i+1)
		}
	}
	return numbers
}

// ParseTokens reads tokens, each alone or as "name:token", separated by commas or
// lines; lines that begin with # are remarks. The error tells of a token by its
// number and never shows it.
func ParseTokens(list secret.String) (Tokens, error) {
	var tokens Tokens
	number := 0
	for line := range strings.Lines(list.Reveal()) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		for entry := range strings.SplitSeq(line, ",") {
			if entry = strings.TrimSpace(entry); entry == "" {
				continue
			}
			number++
			t, err := parseToken(entry)
			if err == nil {
				err = tokens.add(t)
			}
			if err != nil {
				return nil, fmt.Errorf("token %d: %w", number, err)
			}
		}
	}
	return tokens, nil
}

func parseToken(entry string) (token, error) {
	name, text, named := strings.Cut(entry, ":")
	if !named {
		name, text = "", entry
	}
	switch {
	case named && !namePattern.MatchString(name):
		return token{}, errors.New("its name must be letters, digits and . _ @ -, at most 63")
	case text == "":
		return token{}, errors.New("it is empty")
	case len(text) > longestToken:
		return token{}, fmt.Errorf("it is longer than %d characters", longestToken)
	case !tokenPattern.MatchString(text):
		return token{}, errors.New("it may hold letters, digits and . _ ~ + / -, and = at its end")
	}
	return token{name: cmp.Or(name, unnamed), digest: secret.New(digest(text)), short: len(text) < SafeToken}, nil
}

// add refuses a token that is there already: with two names, it would not say
// who used it.
func (t *Tokens) add(more token) error {
	if _, known := t.findDigest(more.digest.Reveal()); known {
		return errors.New("it is there twice")
	}
	*t = append(*t, more)
	return nil
}

// find tells whose token was presented, in a time that does not depend on which
// token it resembles.
func (t *Tokens) find(presented string) (name string, known bool) {
	return t.findDigest(digest(presented))
}

func (t *Tokens) findDigest(presented string) (name string, known bool) {
	for _, each := range *t {
		if each.digest.Equal(presented) {
			name, known = each.name, true
		}
	}
	return name, known
}

// digest makes texts of one length of all tokens: a comparison tells the length.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return string(sum[:])
}

// readTokens reads a file of tokens.
func readTokens(path string) (Tokens, error) {
	file, err := os.Open(path) //nolint:gosec // the path is the operator's
	if err != nil {
		return nil, fmt.Errorf("opening the file of bearer tokens: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(file, largestFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading the file of bearer tokens: %w", err)
	}
	if len(text) > largestFile {
		return nil, fmt.Errorf("the file of bearer tokens %s is larger than %d bytes", path, largestFile)
	}
	tokens, err := ParseTokens(secret.New(string(text)))
	if err != nil {
		return nil, fmt.Errorf("the file of bearer tokens %s: %w", path, err)
	}
	return tokens, nil
}

// CheckTokensFile reports what would keep the tokens of a file from being used
// now, nil if nothing does. The file may be mended, or come, while Soteria runs.
// Otherwise it returns the numbers of those that can be guessed, as [Tokens.Short] does.
func CheckTokensFile(path string) (short []int, err error) {
	tokens, err := readTokens(path)
	return tokens.Short(), err
}
