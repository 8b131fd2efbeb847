// Package loglines writes log lines together rather than one by one: where there is a
// line for each of thousands of requests a second, writing them is most of what a
// request costs. No line is late by more than [Delay]; a warning or an error is written
// at once, with all that came before it. A process that is killed loses the lines of
// that time.
package loglines
