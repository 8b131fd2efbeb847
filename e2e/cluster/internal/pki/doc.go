// Package pki makes a cluster's certificates, keys and kubeconfigs.
//
// They are made once for a cluster, all together: a folder of them is whole or
// not there. Two authorities keep etcd apart from all else, so that a client
// certificate of the cluster opens nothing in etcd.
package pki
