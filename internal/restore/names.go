package restore

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
)

// PrimeName is the name of the prime that serves the claim with this uid.
func PrimeName(claim types.UID) string { return "prime-" + string(claim) }

// twinName is the name of a storage class's twin. It changes with what the class
// does, since that cannot be changed in a class that exists.
func twinName(class, fingerprint string) string {
	const (
		longest = 253
		digits  = 8
	)
	sum := sha256.Sum256([]byte(class + "\x00" + fingerprint))
	hash := hex.EncodeToString(sum[:])
	if name := v1alpha1.LockPrefix + class + "-" + hash[:digits]; len(name) <= longest {
		return name
	}
	return v1alpha1.LockPrefix + hash
}

// labelsFor are the labels of an object that serves one claim.
func labelsFor(role string, claim types.UID) map[string]string {
	return map[string]string{
		v1alpha1.ManagedByLabel: v1alpha1.ManagedBy,
		v1alpha1.RoleLabel:      role,
		v1alpha1.ClaimUIDLabel:  string(claim),
	}
}

// serves reports whether Soteria made the object, in this role, for the claim
// with this uid.
func serves(obj client.Object, role string, claim types.UID) bool {
	l := obj.GetLabels()
	return l[v1alpha1.ManagedByLabel] == v1alpha1.ManagedBy && l[v1alpha1.RoleLabel] == role && l[v1alpha1.ClaimUIDLabel] == string(claim)
}

// servedUID gives the uid of the claim that the object serves.
func servedUID(obj client.Object) types.UID {
	return types.UID(obj.GetLabels()[v1alpha1.ClaimUIDLabel])
}

// servedClaim gives the claim that an object of Soteria's serves.
func servedClaim(obj client.Object) (types.NamespacedName, bool) {
	if obj.GetLabels()[v1alpha1.ManagedByLabel] != v1alpha1.ManagedBy {
		return types.NamespacedName{}, false
	}
	namespace, name, found := strings.Cut(obj.GetAnnotations()[v1alpha1.ClaimAnnotation], "/")
	if !found || namespace == "" || name == "" {
		return types.NamespacedName{}, false
	}
	return types.NamespacedName{Namespace: namespace, Name: name}, true
}

// attemptOf reads AttemptAnnotation; 0 when there is none.
func attemptOf(prime client.Object) int32 {
	n, err := strconv.ParseInt(prime.GetAnnotations()[v1alpha1.AttemptAnnotation], 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return int32(n)
}
