// Package spent ends what a claim asked of its restore once it has its data.
//
// A choice belongs to one life of the claim. The API writes the backup that it chose on
// the claim that it makes, and that the restore is required: left there, the next
// rebuild, from the living objects or from an export into Git, would bring the old day
// back. Once the Restore is Completed and the claim bound, what the API wrote is taken
// off, the claim stays protected (auto), and an annotation says what it was restored
// from.
//
// What a person wrote, on the claim or in a Restore that it refers to, is the person's:
// Soteria changes none of it. The claim gets one
// event that says what would act again, and the command that drops it.
package spent
