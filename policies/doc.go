// Package policies holds no code, only the tests of the policies beside it.
//
// Every policy is run by Kyverno's own command line, offline, against a table of
// claims and answers of Soteria; and again with a hole put in, which the same
// table must find. Whether the API server and Kyverno's controller do the same is
// for the scenarios in e2e to show.
package policies
