// Package configmap reads and writes ConfigMaps in which Soteria remembers something,
// so that of two processes that write at a time none overwrites the other: what was
// read is written by its resource version.
package configmap
