// Package longhorn is the driver for backups that Longhorn keeps in its backup
// targets. It lists, backs up, makes volumes and forgets (see package driver).
//
// Longhorn moves the bytes; the driver asks it to, through its REST API (package
// api), and reads what it knows from its custom resources, which tell more: when
// each of them was last compared with the backup target.
//
// # What a listing proves
//
// Longhorn's own lists are a cache that may be hours old, half filled after a
// reinstallation, or empty while the target cannot be reached. A listing asks
// Longhorn to read the target anew and waits until every level of it says that it
// has: the target, each backup volume, each backup. See [Driver.List].
//
// # Whose a backup is
//
// Backups are of Longhorn's volumes, whose names say nothing of claims in another
// cluster. In this order, a backup is of the claim that is named by
//
//  1. Soteria's labels on the backup, see [NamespaceLabel];
//  2. Longhorn's label KubernetesStatus on it, which its system backups lack;
//  3. the backup of the same volume that was taken last before it, else first
//     after it, and says;
//  4. the labels of its backup volume, which are those of the last backup;
//  5. a PersistentVolume of this cluster that stands for the volume.
//
// A backup that nothing attributes makes it doubtful for every claim whether it
// has backups, unless the operator wants such backups ignored.
//
// # What a restored volume is
//
// What Longhorn's CSI plugin would have made of the class, for the parameters of
// versions 1.6 to 1.13: a restored volume does not go through the plugin. It
// differs where the backup decides (size, backing image) or where something does
// not fit or is not known, which the restore tells ([driver.VolumeState]). A class
// that could hold the backup only at the price of its data is refused.
//
// # What is removed
//
// Only backups that Soteria took: its labels name the claim, the snapshot has a
// name of Soteria's making, and no recurring job made it. Those made by hand, by
// recurring jobs and by system backups are never removed.
//
// # One backup at a time
//
// A running backup is a Lease in Soteria's namespace, named by the claim's uid.
// The replica that holds it drives the backup; if it dies another one takes over
// and goes on from what it observes. See [Driver.Start].
package longhorn
