// Package cycle repeats work at an interval, by an injected clock.
package cycle
