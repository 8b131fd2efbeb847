// Package history writes years of backups into a test repository in seconds: what
// restic takes hours for, since it reads and locks the repository for each of them.
//
// Each backup is of one small file below /data, with the host name and the tags of
// Soteria's backups. A backup that found the file changed leaves what a real
// one leaves: a pack with the data, a pack with the trees, and an index file of both.
// One that found nothing changed leaves its snapshot file alone.
//
// The format is that of restic's design document, sections "Repository Format", "Pack
// Format", "Indexing", "Keys, Encryption and MAC" and "Trees and Data":
// https://restic.readthedocs.io/en/stable/100_references.html
package history
