package kube

import (
	"context"
	"fmt"
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authentication "k8s.io/client-go/kubernetes/typed/authentication/v1"
)

// TokenReviewer tells whose a token is. It implements signin.Reviewer.
type TokenReviewer struct {
	Reviews authentication.TokenReviewInterface
}

// Review asks the API server. The user is empty where the token is nobody's, or
// is not meant for the audience. An error never holds the token.
func (t TokenReviewer) Review(ctx context.Context, token, audience string) (user string, err error) {
	review, err := t.Reviews.Create(ctx, &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{audience}},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("reviewing a token (create on tokenreviews of authentication.k8s.io is in deploy/components/kyverno-signin): %w", err)
	}
	if !review.Status.Authenticated || !slices.Contains(review.Status.Audiences, audience) {
		return "", nil
	}
	return review.Status.User.Username, nil
}
