// Package certificate keeps the webhook's serving certificate: cert-controller
// makes and rotates it in a Secret and writes its authority into the webhook
// configurations; [Serving] reads the Secret through the API and serves what it
// holds from memory, so that a certificate is in use within moments of being
// made, on every replica, without a volume that the kubelet refreshes once a
// minute.
//
// A replica counts as ready only once it has answered an admission review over
// TLS, under its own name and authority ([Serving.SelfTest]); until then the
// Service sends it nothing and protected claims are refused.
package certificate
