// Package httpapi serves Soteria's HTTP API, its health and its metrics.
//
// Each resource has a file with its routes, and each handler makes three moves:
// read the request, call one service, write the answer. What is wrong with a
// request or an answer is an error of package backup; errors.go holds the one
// table that turns its kind into a status. The JSON is in package wire, a client
// in package client.
//
//	GET  /exists/{namespace}/{pvc}          is there a backup of this claim?
//	GET  /v1/backups?namespace=&pvc=        a claim's backups (&driver= for one driver's)
//	POST /v1/backup                         take a backup
//	POST /v1/backup/namespace               take backups of all bound claims
//	POST /v1/restores                       restore a backup to a new claim
//	POST /v1/restores/namespace             restore all claims of a namespace
//	POST /v1/restore-test                   the same or, without target, a test of a backup
//	GET  /v1/restore-tests                  tests (&namespace=, pvc=)
//	GET  /v1/restores                       restores (&namespace=, pvc=, phase=)
//	GET  /v1/restores/{namespace}/{name}    one of them
//	GET  /healthz, /readyz, /metrics
package httpapi
