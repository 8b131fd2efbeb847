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
//	GET  /v1/policies                       when claims are backed up, and how that goes
//	POST /v1/policies                       keep a policy
//	DELETE /v1/policies/{id}                delete it
//	GET  /healthz, /readyz, /metrics
package httpapi
