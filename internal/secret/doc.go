// Package secret holds text that must never be shown. A [String] prints as
// [redacted] whatever prints it: every verb of fmt, encoding/json, log/slog, a
// panic, a test's diff. Only [String.Reveal] gives the text, so that a search
// for that one name finds every place where a secret leaves its wrapping.
package secret
