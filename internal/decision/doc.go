// Package decision holds the one rule that the product stands for: what happens
// to a claim, given what is known of it. [Decide] is a pure function, facts in,
// verdict out; admission, the restore controller and the recovery plan all call
// it, so they can never disagree.
//
// The rules are an ordered list of small named functions, the first that
// applies wins. Read them in rules.go beside the table in the README.
package decision
