package signin

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the addresses from which headers that name a user are believed.
// The zero value believes any.
type Proxies struct {
	prefixes []netip.Prefix
}

// ParseProxies reads a list of addresses and CIDRs, separated by commas. A list
// that is empty gives the zero value; one of empty entries is an error, since it
// was meant to name somebody.
func ParseProxies(list string) (Proxies, error) {
	if strings.TrimSpace(list) == "" {
		return Proxies{}, nil
	}
	var proxies Proxies
	for entry := range strings.SplitSeq(list, ",") {
		prefix, err := parsePrefix(strings.TrimSpace(entry))
		if err != nil {
			return Proxies{}, err
		}
		proxies.prefixes = append(proxies.prefixes, prefix)
	}
	return proxies, nil
}

func parsePrefix(entry string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(entry); err == nil && address.Zone() == "" {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(entry)
	if err != nil || prefix.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("%.80q is neither an address nor a CIDR such as 10.42.0.0/16", entry)
	}
	return prefix.Masked(), nil
}

// Any reports whether headers of any peer are believed.
func (p Proxies) Any() bool { return len(p.prefixes) == 0 }

// trusts reports whether a peer's headers are believed.
func (p Proxies) trusts(peer netip.Addr) bool {
	return p.Any() || slices.ContainsFunc(p.prefixes, func(prefix netip.Prefix) bool { return prefix.Contains(peer) })
}
