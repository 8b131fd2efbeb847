// Package inprocess holds Soteria's gate without a webhook: admission policies
// that lock protected claims inside the API server and refuse what nobody can do
// right by. Its tests run the policies in the API server's own admission plugins,
// and hold their verdicts against package decision's.
package inprocess
