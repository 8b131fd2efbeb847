// Package api is a client of Longhorn's REST API, with the calls that its CSI driver makes and no more. No call is
// repeated here: those who call it are called again themselves, by the sidecars or by the kubelet.
package api
