package certificate

import (
	"fmt"
	"time"

	"github.com/open-policy-agent/cert-controller/pkg/rotator"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

const (
	authorityName = "soteria-authority"
	organization  = "soteria"
	// authorityLife and servingLife are how long certificates are valid; they
	// are replaced when renewBefore of that is left, looked at every checkEvery.
	authorityLife = 10 * 365 * 24 * time.Hour
	servingLife   = 90 * 24 * time.Hour
	renewBefore   = 30 * 24 * time.Hour
	checkEvery    = 6 * time.Hour
)

// Names says where the certificate is kept and what it is for.
type Names struct {
	// Secret holds the certificate, its key and its authority. It must exist;
	// it may be empty.
	Secret types.NamespacedName
	// DNS is the name that the API server dials: <service>.<namespace>.svc.
	DNS string
	// Configuration is the name of the mutating and of the validating webhook
	// configuration that the authority is written into.
	Configuration string
}

// Rotate has cert-controller make the certificate where it is missing or about
// to expire. Every replica runs it: whoever writes the Secret first wins, the
// others read it. The folder served is where [Serving] shows that it serves one.
func Rotate(mgr manager.Manager, names Names, served string) error {
	err := rotator.AddRotator(mgr, &rotator.CertRotator{
		SecretKey:              names.Secret,
		CertDir:                served,
		CAName:                 authorityName,
		CAOrganization:         organization,
		DNSName:                names.DNS,
		IsReady:                make(chan struct{}),
		CaCertDuration:         authorityLife,
		ServerCertDuration:     servingLife,
		LookaheadInterval:      renewBefore,
		RotationCheckFrequency: checkEvery,
		Webhooks: []rotator.WebhookInfo{
			{Name: names.Configuration, Type: rotator.Mutating},
			{Name: names.Configuration, Type: rotator.Validating},
		},
	})
	if err != nil {
		return fmt.Errorf("setting up the rotation of certificate %s: %w", names.Secret, err)
	}
	return nil
}
