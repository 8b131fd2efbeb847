package main

import (
	"fmt"
	"log/slog"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/soteria-dr/soteria/internal/kube"
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
	c.signIn.Accounts.Audience = c.ExistsTokenAudience
	c.signIn.Accounts.Names, err = signin.ParseAccounts(c.ExistsServiceAccounts)
	wrong("SOTERIA_EXISTS_SERVICE_ACCOUNTS", err)
	c.signIn.Proxies, err = signin.ParseProxies(c.TrustedProxies)
	wrong("SOTERIA_TRUSTED_PROXIES", err)
	c.signIn.Tokens, err = signin.ParseTokens(c.AuthBearerTokens)
	wrong("SOTERIA_AUTH_BEARER_TOKENS", err)
	return problems
}

// gate lets callers in, and asks the cluster whose token one is where service
// accounts may sign in. It has a connection of its own, so that strangers with odd
// tokens keep nobody else from the API server.
func gate(c config, connection *rest.Config) (*signin.Gate, error) {
	if !c.signIn.ExistsRequired || len(c.signIn.Accounts.Names) == 0 {
		return signin.New(c.signIn), nil
	}
	own := rest.CopyConfig(connection)
	own.QPS, own.Burst = reviewsPerSecond, reviewBurst
	clientset, err := kubernetes.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("connecting to the cluster for sign-in: %w", err)
	}
	c.signIn.Accounts.Reviewer = kube.TokenReviewer{Reviews: clientset.AuthenticationV1().TokenReviews()}
	return signin.New(c.signIn), nil
}

// How many tokens a replica has the API server review.
const (
	reviewsPerSecond = 10
	reviewBurst      = 20
)

// warnOfOpenDoors tells what is left open, or does not work yet, about sign-in.
// None of it keeps Soteria from starting: admission does not need it.
func warnOfOpenDoors(c config, log *slog.Logger) {
	if !c.signIn.Required {
		log.Warn("sign-in is not required: whoever reaches the API may use all of it (SOTERIA_AUTH_REQUIRED)")
	}
	if c.signIn.Proxies.Any() {
		log.Warn("headers that name a user are believed from any address: name the sign-in proxy's in SOTERIA_TRUSTED_PROXIES")
	}
	warnOfShortTokens(log, "SOTERIA_AUTH_BEARER_TOKENS", c.signIn.Tokens.Short())
	if c.signIn.TokensFile == "" {
		return
	}
	short, err := signin.CheckTokensFile(c.signIn.TokensFile)
	warnOfShortTokens(log, "SOTERIA_AUTH_BEARER_TOKENS_FILE", short)
	if err != nil {
		log.Warn("no bearer token of SOTERIA_AUTH_BEARER_TOKENS_FILE is accepted until it can be read", "error", err)
	}
}

// warnOfShortTokens says by their numbers which tokens of a variable can be guessed.
func warnOfShortTokens(log *slog.Logger, variable string, numbers []int) {
	for _, number := range numbers {
		log.Warn(fmt.Sprintf("bearer token %d of %s is shorter than %d characters and could be guessed: make a longer one, for instance with: openssl rand -hex 32", number, variable, signin.SafeToken))
	}
}
