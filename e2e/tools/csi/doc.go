// Package csi is the home of the tests' own CSI drivers. csi-local has volumes that are folders on the one node of the
// end-to-end cluster, provisioned, published and deleted through the same interfaces, and in the same order, as a
// production driver's, so that what the tests prove about binding, handover and reclaiming holds for real drivers too.
// csi-longhorn is driver.longhorn.io for the Longhorn of that cluster, whose volumes are disk images.
//
// It holds no code itself. Each package below does one thing, so that one driver can take what the other has too and
// bring its own for the rest:
//
//   - volume: the folders, and what may never be removed
//   - mounts: bind mounts, and what is mounted where
//   - loopdev: disk images as block devices
//   - identity, controller, node: the three services of the Container Storage Interface
//   - provision: claims to CreateVolume, released volumes to DeleteVolume, as the external-provisioner does
//   - registration: telling the kubelet that the driver is there
//   - rpc: a gRPC server on a unix socket
//   - app: all wiring of csi-local; cmd/csi-local: signals and exit code
//   - longhorn/api: a client of the calls to Longhorn that its driver makes
//   - longhorn/device: the block device of each Longhorn volume
//   - longhorn/controller, longhorn/node: the services that differ from csi-local's
//   - longhorn/app: all wiring of csi-longhorn; cmd/csi-longhorn: signals and exit code
package csi
