// Package audit writes down on claims, as Kubernetes Events, what the API was
// asked to do about them, where kubectl describe shows it to their owners.
package audit
