// Package claimevents reads the Kubernetes Events that tell what happened to a
// claim: those on the claim itself, on its Restores, and on the Jobs that back it
// up, fill it or test its backups.
package claimevents
