// Package harness is what scenarios and the demo share: a way to a real cluster,
// to Soteria in it, to the stores that hold backups, and to apps whose data is
// lost and comes back. It uses kubectl where a user would, and clients where a
// condition has to be waited for.
package harness
