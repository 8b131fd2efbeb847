// Package unreviewed deals with claims that got past the gate.
//
// While the gate is off, or for a claim that was protected only after it was
// made, Kubernetes binds a protected claim to an empty volume without a verdict.
// If older backups of it exist, the next backup would be of that empty volume, and
// the newest. Such a claim is unreviewed ([Judge]) until a person says which data
// is right.
//
// It is backed up all the same, since its data may be new and dear; but the
// backups carry a tag ([Marker], [backup.UnreviewedTag]), are never chosen by
// themselves, and retention removes nothing of the claim. A Warning event on the
// claim, the metric soteria_claim_unreviewed and a line in the inventory and the
// plan tell of it ([Teller]).
//
// Others, such as Longhorn's recurring jobs, tag nothing. Since when a claim was
// unreviewed, and until when, is remembered ([Book]): what they took of it then is
// not chosen by itself either. That ends when the claim is made again, so that what
// others take after it was restored counts; and it is forgotten once the claim's data
// is accepted.
//
// A person settles it in one of two ways. To have the data of a backup back: delete
// the claim and make it again while the gate is closed. To keep what the claim
// holds now: the annotation soteria.dev/accept-data with the claim's uid. The next
// backup is then an ordinary one. Once a claim has one of those it stays settled.
//
// Claims that are older than the gate are none of this: when this cluster's gate
// was first seen closed is remembered in a ConfigMap ([Memory]).
package unreviewed
