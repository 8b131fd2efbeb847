// Package footprint keeps a small process small: within its container's memory
// limit, and without the parts of the program that only its start needed.
package footprint
