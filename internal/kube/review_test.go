package kube_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/soteria-dr/soteria/internal/kube"
)

func TestTokenReviews(t *testing.T) {
	for name, test := range map[string]struct {
		status authenticationv1.TokenReviewStatus
		user   string
	}{
		"tell whose a token is": {
			authenticationv1.TokenReviewStatus{Authenticated: true, Audiences: []string{"exists"}, User: authenticationv1.UserInfo{Username: "system:serviceaccount:a:b"}},
			"system:serviceaccount:a:b"},
		"believe no token that is nobody's": {authenticationv1.TokenReviewStatus{Error: "expired"}, ""},
		"believe no token that is meant for somebody else": {
			authenticationv1.TokenReviewStatus{Authenticated: true, Audiences: []string{"kubernetes"}, User: authenticationv1.UserInfo{Username: "system:serviceaccount:a:b"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			clientset := fake.NewClientset()
			clientset.PrependReactor("create", "tokenreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
				review := action.(clienttesting.CreateAction).GetObject().(*authenticationv1.TokenReview).DeepCopy()
				assert.Equal(t, authenticationv1.TokenReviewSpec{Token: "secret", Audiences: []string{"exists"}}, review.Spec)
				review.Status = test.status
				return true, review, nil
			})
			user, err := kube.TokenReviewer{Reviews: clientset.AuthenticationV1().TokenReviews()}.Review(t.Context(), "secret", "exists")
			require.NoError(t, err)
			assert.Equal(t, test.user, user)
		})
	}
	t.Run("say what is missing where they fail, without the token", func(t *testing.T) {
		clientset := fake.NewClientset()
		clientset.PrependReactor("create", "tokenreviews", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, errors.New("forbidden")
		})
		_, err := kube.TokenReviewer{Reviews: clientset.AuthenticationV1().TokenReviews()}.Review(t.Context(), "secret", "exists")
		assert.ErrorContains(t, err, "kyverno-signin")
		assert.NotContains(t, err.Error(), "secret")
	})
}
