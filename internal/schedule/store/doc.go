// Package store keeps the API's policies in a Secret of Soteria's own namespace.
//
// All replicas write it, each from what it has just read: the API server refuses
// a write that is based on an older version, and the change is then made again to
// what is there by now. So nothing that anybody wrote is lost, whoever else writes
// at the same time. What cannot be understood is reported and never overwritten,
// since it may be somebody's only copy.
package store
