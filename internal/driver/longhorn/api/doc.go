// Package api is a client of Longhorn's REST API: the calls that Soteria makes,
// and no others.
//
// It speaks to every version from 1.6 on. What it knows of the API was seen on
// the real server, whose answers are replayed by the package's tests:
//
//   - Fields that it does not know are ignored. Whole numbers are read from JSON
//     numbers and from text alike ([Int]).
//   - A missing volume is a 404 with an empty body, an unknown action a plain-text
//     404. Errors are JSON whatever their Content-Type says, and nearly all of them
//     are 500s: what went wrong is told by their words alone. [IsNotFound],
//     [IsUnsupported], [IsAlreadyExists], [IsBeingDeleted] and [IsTooSoon] read them.
//   - The links and actions that answers carry name pods by their addresses; they
//     are not used.
//
// Every error carries a [backup.Kind]: NotFound for what does not exist, Invalid
// for a name that cannot be one, else Unavailable with Longhorn's own words. An
// answer that is not what was asked for is an error, never an empty result.
//
// Calls that only read are tried again a few times; calls that change something
// never are, since most of them are not idempotent.
package api
