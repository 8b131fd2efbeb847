package backup

import "errors"

// settled is an error with the command that settles it.
type settled struct {
	error
	command string
}

func (s *settled) Unwrap() error { return s.error }

// WithSettle adds to an error the one command by which a person settles it. The
// message should name the command, too. The command must hold nothing that a
// tenant can write: people copy it and run it.
func WithSettle(err error, command string) error { return &settled{err, command} }

// SettleOf returns the command that settles an error: the outermost in its chain;
// "" where none does.
func SettleOf(err error) string {
	var s *settled
	if errors.As(err, &s) {
		return s.command
	}
	return ""
}
