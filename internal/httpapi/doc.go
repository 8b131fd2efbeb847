// Package httpapi serves Soteria's HTTP API, its health and its metrics.
//
// Each resource has a file with its routes, and each handler makes three moves:
// read the request, call one service, write the answer. What is wrong with a
// request or an answer is an error of package backup; errors.go holds the one
// table that turns its kind into a status. The JSON is in package wire, a client
// in package client.
//
// A route is one entry of a table (route.go): it is served and documented from
// it, so /v1/openapi.json lists exactly what there is. Around all routes, a
// request is signed in and, where it asks for a change, kept from coming out of
// another site's page (guard.go). What it changed is written down (audit.go).
package httpapi
