// Package driver says what a backup system must be able to do to work with
// Soteria. The roles are small interfaces; a driver implements those it can:
//
//   - [Lister]: says which backups exist. Every driver.
//   - [Backuper]: takes a backup of a claim.
//   - [Pruner]: removes backups of a claim that Soteria took.
//   - [Filler]: fills an empty volume with a backup's data.
//   - [VolumeMaker]: makes a volume that holds a backup's data.
//
// Drivers live one folder each below this one and never import each other.
// The in-memory driver (mem) and the conformance suite (drivertest) are here
// too: a new driver starts by passing the suite.
//
// # What a driver must never do
//
// Turn "could not tell" into "there is none". A listing that was cut short, a
// credential that was refused, an endpoint that did not answer, a repository
// that is not there: each is an error. Only a listing that read the whole
// repository to its end returns nil.
package driver
