package main

import (
	"fmt"
	"log/slog"

	"github.com/soteria-dr/soteria/internal/signin"
)

// deriveSignIn reads who may use the API. The file of tokens is not looked at: it
// may come later, and is read at each use.
func (c *config) deriveSignIn() []error {
	var problems []error
	wrong := func(variable string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", variable, err))
		}
	}
	var err error
	c.signIn = signin.Config{
		Required: c.AuthRequired, ExistsRequired: c.ExistsAuthRequired,
		AllowedGroups: signin.ParseGroups(c.AllowedGroups), TokensFile: c.AuthBearerTokensFile,
	}
	if len(c.signIn.AllowedGroups) == 0 {
		wrong("SOTERIA_ALLOWED_GROUPS", fmt.Errorf("%q names no group, so that no user could sign in", c.AllowedGroups))
	}
	c.signIn.Proxies, err = signin.ParseProxies(c.TrustedProxies)
	wrong("SOTERIA_TRUSTED_PROXIES", err)
	c.signIn.Tokens, err = signin.ParseTokens(c.AuthBearerTokens)
	wrong("SOTERIA_AUTH_BEARER_TOKENS", err)
	return problems
}

// warnOfOpenDoors tells what is left open, or does not work yet, about sign-in.
// None of it keeps Soteria from starting: admission does not need it.
func warnOfOpenDoors(c config, log *slog.Logger) {
	if !c.signIn.Required {
		log.Warn("sign-in is not required: whoever reaches the API may use all of it (SOTERIA_AUTH_REQUIRED)")
	}
	if c.signIn.Proxies.Any() {
		log.Warn("headers that name a user are believed from any address: name the sign-in proxy's in SOTERIA_TRUSTED_PROXIES")
	}
	if c.signIn.TokensFile == "" {
		return
	}
	if err := signin.CheckTokensFile(c.signIn.TokensFile); err != nil {
		log.Warn("no bearer token of SOTERIA_AUTH_BEARER_TOKENS_FILE is accepted until it can be read", "error", err)
	}
}
