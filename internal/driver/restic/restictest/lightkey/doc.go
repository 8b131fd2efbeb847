// Package lightkey makes the keys of test repositories cheap to open.
//
// restic derives a key from the password with parameters that take its machine
// half a second, in every run of every test. The functions here write the same
// master key down again under parameters that take no time. Such a key protects
// nothing against somebody who guesses passwords: it is for tests alone.
//
// The format is that of restic's design document, sections "Keys, Encryption and
// MAC" and "Repository Layout":
// https://restic.readthedocs.io/en/stable/100_references.html#keys-encryption-and-mac
package lightkey
