// Package notice reports what is wrong with Soteria or a store as a whole, and so
// with no single claim, as Warning events on Soteria's own pod.
//
// What is wrong is looked at once a minute ([Teller]), by the leader. Each trouble
// is an event when it begins, when its cause changes, and again every hour while it
// lasts, since Kubernetes forgets events after an hour.
package notice
