// Package scrypt derives keys as RFC 7914 says, in a fraction of the memory.
//
// Kopia's parameters take 64 MiB, which is all that a small replica has. The
// table that fills them can be kept in part, and what is missing computed again
// whenever it is looked up: with every eighth row kept it takes 8 MiB and not
// quite three times as long, which here happens once for each password.
package scrypt
