// Package webhook is admission for PersistentVolumeClaims: it gathers the facts
// about a claim that is being created, asks package decision, and patches the
// verdict onto the claim. It has no side effects, so a dry run gets the same
// verdict as the real thing.
//
// # What reaches it
//
// CREATE of claims that are opted in by label, of their own or of their
// namespace, outside the excluded namespaces; the selectors in
// deploy/webhook.yaml see to that inside the API server, so that no other claim
// ever depends on Soteria. failurePolicy is Fail: with every replica down,
// protected claims are refused and all others work. Claims that are locked by
// then, inside the API server (policies/inprocess) or by Kyverno, do not reach it:
// the restore controller judges them, by the same rules.
//
// # Cost
//
// One answer from the catalog's memory for a claim with backups; for a claim
// without any, a wait for a listing that all waiting claims share, bounded by
// [Claims.Budget]. And one or two small reads from the API server: of the
// namespace, and of a Restore that the manifest refers to. Nothing grows with
// the number of backups.
package webhook
