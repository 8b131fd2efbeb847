// Package skew notices that this process's clock disagrees with others'. A backup
// dated ahead of now is not trusted, so a clock that is behind would make every new
// backup look wrong; while the clocks disagree, no date is called wrong.
//
// It asks no one: every answer over HTTP carries the time of the one who answers.
package skew
