// Package keeper has a copy of what Soteria remembers of each claim's backups kept
// beside the backups, so that the memory survives the cluster.
//
// The leader looks once a minute whether the memory has changed since the copy was
// begun last, and has a new one written, but not within ten minutes of the last.
// What it goes by is observed: the work that was begun last, and what it was to
// write. So a new leader goes on where the one before it ended.
//
// A copy that waits is told after two minutes. One that is under way for longer than
// [Limit] counts as failed, and another begins.
//
// A copy that cannot be written loses nothing else. Backups, restores and retention
// go on; a log line, a metric and /v1/status say so, and it is tried again, ever less
// often.
package keeper
