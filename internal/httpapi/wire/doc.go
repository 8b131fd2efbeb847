// Package wire holds the JSON of the HTTP API, as the server writes it and the
// client reads it. It does nothing.
package wire
