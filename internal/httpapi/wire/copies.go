package wire

import "time"

// Copies answers GET /v1/copies: the throwaway copies that Soteria made and that are
// there.
type Copies struct {
	// Copies are by namespace and name.
	Copies []Copy `json:"copies"`
}

// Copy is a claim that was made to look at a backup. It is the answer to DELETE
// /v1/copies/{namespace}/{pvc}, too.
type Copy struct {
	Namespace string `json:"namespace"`
	PVC       string `json:"pvc"`
	// From is the claim that the backup was taken of, as namespace/name.
	From        string    `json:"from"`
	Backup      string    `json:"backup"`
	RequestedBy string    `json:"requested_by"`
	CreatedAt   time.Time `json:"created_at"`
	// Expires is when it is removed by itself; null for one that stays.
	Expires *time.Time `json:"expires"`
}
