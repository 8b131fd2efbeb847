// Package intent turns a request for a restore into what admission makes of a
// protected claim: a claim with the lock, which the restore controller then fills.
// There is one restore engine, and nothing here moves a byte.
//
// # One object
//
// A restore is asked for by making one object, the target claim. All that can be
// checked is checked before; the verdict on the claim is [decision.Decide]'s, and
// the lock and the stamps are [kube.Stamp]'s, as in admission. There is no later
// step that could fail and nothing to remove if the request is cut off: the
// Restore is made by the controller, as for any locked claim. Of two requests for
// one target the API server lets one through.
//
// A copy to look at is the exception: package copies writes it down before it is made,
// and its uid after that, since it is removed again. The mark on the claim says so to
// people, and proves nothing.
//
// # What the claim says
//
// The label soteria.dev/restore=required, the annotations that pin the source and
// the id of the chosen backup, and who asked. No label of the source claim is
// copied: the labels by which GitOps tools know their objects would have them
// delete the copy. Size, class and modes are the source claim's while it lives.
//
// # Across namespaces
//
// The controller reads a waiting claim's facts again and again, and the claim is
// its namespace's user's to edit. A mark that lets one claim across would have to
// be one that only Soteria can write; there is none, so a restore into another
// namespace is refused unless SOTERIA_CROSS_NAMESPACE=true, as it is for a claim.
package intent
