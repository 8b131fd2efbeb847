package wire

// WhoAmI answers GET /v1/whoami: whom Soteria takes the caller for.
type WhoAmI struct {
	// User and Email are as the credential gives them, empty where it does not.
	// Without sign-in the user is anonymous.
	User   string   `json:"user"`
	Email  string   `json:"email"`
	Groups []string `json:"groups"`
	// Authenticated is false for somebody who did not sign in.
	Authenticated bool `json:"authenticated"`
	// How is proxy_headers, bearer_token, service_account or anonymous.
	How string `json:"how"`
}
