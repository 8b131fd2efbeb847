package wire

import "time"

// Events answers GET /v1/events: what happened to a claim, or to the claims of a
// namespace, lately, newest first. Kubernetes keeps events for an hour unless it is
// set up otherwise.
type Events struct {
	Namespace string `json:"namespace"`
	// PVC is empty where all claims of the namespace were asked for.
	PVC string `json:"pvc"`
	// Total is how many there are; Events has the newest of them.
	Total  int     `json:"total"`
	Events []Event `json:"events"`
}

// Event is something that happened to a claim, its Restore or a Job for it.
type Event struct {
	// FirstAt is when it happened at first, LastAt lately, Count how often.
	FirstAt time.Time `json:"first_at"`
	LastAt  time.Time `json:"last_at"`
	Count   int       `json:"count"`
	Type    EventType `json:"type"`
	// Reason is one word for programs, Message the event in a sentence.
	Reason  string `json:"reason"`
	Message string `json:"message"`
	// Source is the program that tells it.
	Source string      `json:"source"`
	Object EventObject `json:"object"`
}

// EventType is whether something is as it should be.
type EventType string

// The types.
const (
	EventNormal  EventType = "Normal"
	EventWarning EventType = "Warning"
)

// EventObject is what an event is about.
type EventObject struct {
	// Kind is PersistentVolumeClaim, Restore or Job.
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}
