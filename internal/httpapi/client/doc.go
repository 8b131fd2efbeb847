// Package client talks to Soteria's HTTP API. Errors that the server answers with
// come back as errors of package backup, of the kind that they were on the
// server.
package client
