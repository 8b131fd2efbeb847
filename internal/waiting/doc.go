// Package waiting finds the claims that wait until it is settled whether a backup of
// them exists, and that start empty once it is proved that none does.
//
// [List] finds them all. [Counter] counts those that wait for one doubt, so that a
// person sees how many claims the command that settles it would start empty.
package waiting
