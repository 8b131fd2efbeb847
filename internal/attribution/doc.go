// Package attribution says which claim a backup is of that does not say so by
// itself, by rules that an operator writes. It is pure: rules are parsed once, and
// the same facts always give the same ruling.
//
// # Rules
//
// A rule compares what is known of a backup, its facts, with patterns, and says
// whose the backup is where all of them match:
//
//	host={namespace},path=/data/{pvc}
//	tag={namespace}/{pvc}
//	tag=grafana => monitoring/grafana
//	path=/backup/{pvc} => legacy/{pvc}
//
// Conditions are separated by commas, rules by semicolons or line ends. A
// condition is a key, "=" and a pattern. Where there are several values for a key,
// such as tags, one of them must match. A pattern stands for the whole value: {namespace}
// and {pvc} match a name that a namespace or a claim can have, * matches
// anything, and all else matches itself.
//
// What follows => is the claim, as <namespace>/<name>, in which {namespace} and
// {pvc} stand for what they matched. Without it the claim is {namespace}/{pvc}.
//
// Rules for backups that are of no claim have neither {namespace}, {pvc} nor =>:
//
//	host=laptop; host=nas,path=/home/*
//
// # One claim or none
//
// A rule that could be read in two ways is a mistake that parsing reports: {namespace}
// and {pvc} in one pattern need something between them that no namespace can
// hold. Where rules disagree on a backup, or one rule matches it in two ways,
// the backup is disputed: nothing is guessed.
package attribution
