// Package provision turns claims into volumes of a CSI driver and deletes the volumes that their claims leave behind,
// as the external-provisioner does: on the same library, with the same answers to claims that are not for it, the same
// finalizer on volumes that are to be deleted with their claims, and the same care for volumes that somebody else
// described to Kubernetes but that name this driver.
package provision
