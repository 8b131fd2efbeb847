// Package controller is the CSI Controller service over a store of volumes on one node: CreateVolume and DeleteVolume.
// There is nothing to attach, so nothing is published here.
package controller
