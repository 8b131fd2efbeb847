// Package identity is the CSI Identity service: what the driver is called and what it can do.
package identity

import (
	"context"
	"runtime/debug"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Server answers for one driver.
type Server struct {
	csi.UnimplementedIdentityServer

	name         string
	capabilities []csi.PluginCapability_Service_Type
	expansion    csi.PluginCapability_VolumeExpansion_Type
}

// New returns the identity of a driver of that name with those services.
func New(name string, capabilities ...csi.PluginCapability_Service_Type) *Server {
	return &Server{name: name, capabilities: capabilities}
}

// WithExpansion makes the driver say in which way its volumes can grow, and returns it.
func (s *Server) WithExpansion(expansion csi.PluginCapability_VolumeExpansion_Type) *Server {
	s.expansion = expansion
	return s
}

// GetPluginInfo names the driver and the version of the module that it was built from.
func (s *Server) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return &csi.GetPluginInfoResponse{Name: s.name, VendorVersion: version()}, nil
}

// GetPluginCapabilities lists the services given to [New], and what was given to [Server.WithExpansion].
func (s *Server) GetPluginCapabilities(context.Context, *csi.GetPluginCapabilitiesRequest) (*csi.GetPluginCapabilitiesResponse, error) {
	response := &csi.GetPluginCapabilitiesResponse{}
	for _, capability := range s.capabilities {
		response.Capabilities = append(response.Capabilities, &csi.PluginCapability{
			Type: &csi.PluginCapability_Service_{Service: &csi.PluginCapability_Service{Type: capability}},
		})
	}
	if s.expansion != csi.PluginCapability_VolumeExpansion_UNKNOWN {
		response.Capabilities = append(response.Capabilities, &csi.PluginCapability{
			Type: &csi.PluginCapability_VolumeExpansion_{VolumeExpansion: &csi.PluginCapability_VolumeExpansion{Type: s.expansion}},
		})
	}
	return response, nil
}

// Probe says that the driver is ready, as it is from the moment it can answer.
func (s *Server) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return &csi.ProbeResponse{Ready: wrapperspb.Bool(true)}, nil
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
