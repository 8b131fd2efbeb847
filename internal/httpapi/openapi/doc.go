// Package openapi is the part of the OpenAPI 3.1 format that Soteria's document
// uses, and schemas from Go types, described by the comments of those types. It
// does not know Soteria's routes.
package openapi
