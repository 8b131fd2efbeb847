// Package policy says what a policy is: when the backups of one claim, or of
// every claim of a namespace, are to be taken.
//
// Policies come from two places. The API keeps some in a Secret (package store);
// others are declared on claims, by the label "backup" or the annotation
// soteria.dev/backup-schedule, so that Git holds them and a rebuilt cluster has
// them. A [Book] joins both: for one claim the first of these holds alone, also
// where it says that nothing is to be backed up.
//
//  1. the claim's annotation
//  2. the claim's label
//  3. the policy that the API keeps for the claim
//  4. the policy that the API keeps for its namespace
//
// A declaration that cannot be understood is passed over and reported, never
// taken for "no backups". Which old backups to keep cannot be declared on a
// claim; it comes from 3, else from 4, and only for a claim that is backed up by
// a policy at all.
//
// A target (a claim or a namespace) has one policy in the API: another one for
// the same target takes its place. Everything here is pure.
package policy
