// Package csi is the home of the tests' own CSI driver: volumes that are folders on the one node of the end-to-end
// cluster, provisioned, published and deleted through the same interfaces, and in the same order, as a production
// driver's, so that what the tests prove about binding, handover and reclaiming holds for real drivers too.
//
// It holds no code itself. Each package below does one thing, so that another driver of the tests can take some and
// bring its own for the rest:
//
//   - volume: the folders, and what may never be removed
//   - mounts: bind mounts, and which folder is mounted where
//   - identity, controller, node: the three services of the Container Storage Interface
//   - provision: claims to CreateVolume, released volumes to DeleteVolume, as the external-provisioner does
//   - registration: telling the kubelet that the driver is there
//   - rpc: a gRPC server on a unix socket
//   - app: all wiring; cmd/csi-local: signals and exit code
package csi
