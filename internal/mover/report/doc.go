// Package report is what a mover tells the world: progress, one JSON object per
// line on its standard output while it works, and a [Result], one JSON object
// as the termination message of its container when it ends. The mover writes
// them, the drivers read them; both through this package.
package report
