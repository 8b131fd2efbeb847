// Package room judges whether a volume has room for a backup, from what the backup
// says of itself, before anything is written.
package room
