// Package lifecycle starts, stops and looks at a cluster as a whole. Every
// step looks at what is there and does what is missing, so that any command
// may be run again after any interruption.
package lifecycle
