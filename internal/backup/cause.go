package backup

import "errors"

// Cause identifies what keeps a question from being settled, so that those who wait for
// the same can be counted. It is comparable.
type Cause struct {
	Kind Kind
	// Of is the command that settles it, the name that [WithCause] was given, or else
	// the message.
	Of string
}

// caused is an error whose cause has a name.
type caused struct {
	error
	name string
}

func (c *caused) Unwrap() error { return c.error }

// WithCause names the cause of an error whose message does not identify it: since it
// says a time or an address that changes, or since other causes are told in the same
// words. Nil stays nil.
func WithCause(err error, name string) error {
	if err == nil {
		return nil
	}
	return &caused{err, name}
}

// CauseOf returns the cause of an error. What one command settles is one cause.
func CauseOf(err error) Cause {
	cause := Cause{Kind: KindOf(err), Of: Message(err)}
	var named *caused
	if command := SettleOf(err); command != "" {
		cause.Of = command
	} else if errors.As(err, &named) {
		cause.Of = named.name
	}
	return cause
}
