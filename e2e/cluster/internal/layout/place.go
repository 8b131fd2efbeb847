package layout

import "net/netip"

// Place is where a node is on the machine, and what it is called.
type Place struct {
	// Name is the node's name, and IP its address.
	Name string
	IP   netip.Addr
	// FirstPod and LastPod bound the addresses of its pods.
	FirstPod, LastPod netip.Addr
	// Netns is the network namespace that it is in; empty for the machine's own.
	Netns string
}

// First is the node that every cluster has.
var First = Place{
	Name: "soteria-e2e", IP: NodeIP,
	FirstPod: netip.MustParseAddr("10.231.0.2"), LastPod: netip.MustParseAddr("10.231.0.254"),
}

// Second is a node that scenarios switch on and off. It has a network namespace
// of its own, whose bridge is connected to the first one's, so that all pods
// are in one network.
var Second = Place{
	Name: "soteria-e2e-2", IP: netip.MustParseAddr("10.231.1.1"),
	FirstPod: netip.MustParseAddr("10.231.1.2"), LastPod: netip.MustParseAddr("10.231.1.254"),
	Netns: "soteria-e2e-2",
}

// SecondTaint is a taint of the second node, so that only pods that tolerate it
// run there.
const SecondTaint = "soteria.dev/second-node"

// At returns the layout of a node's own folders. Those of the second node are
// in the cluster's.
func (l Layout) At(p Place) Layout {
	if p.Netns == "" {
		return l
	}
	return Layout{Repo: l.Repo, State: l.Path("second"), Short: l.ShortPath("2")}
}
