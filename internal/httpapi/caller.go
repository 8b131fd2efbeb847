package httpapi

import "net/http"

// anonymous is the caller while nobody has to say who they are.
const anonymous = "anonymous"

// caller names who sent a request, for the record.
func caller(*http.Request) string { return anonymous }
