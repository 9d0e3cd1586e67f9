package guard

import (
	"net/netip"
	"strings"
)

// notGlobal are the IPv4 networks that the registries of special-purpose addresses and of multicast
// addresses do not list as reachable from everywhere (IANA; RFC 6890, RFC 5771). An address that is
// public on paper can still be one that only some machines can reach: a cloud answers for its
// metadata at 100.100.100.200.
//
// The deprecated relays of 6to4 (192.88.99.0/24), and the anycast addresses inside 192.0.0.0/24,
// are included: no registry has a storage there.
const notGlobal = "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 " +
	"192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 " +
	"203.0.113.0/24 224.0.0.0/4 240.0.0.0/4"

// notGlobal6 are such networks within 2000::/3, the only part of IPv6 from which public addresses
// are allocated: protocol assignments, Teredo among them, and documentation.
const notGlobal6 = "2001::/23 2001:db8::/32 3fff::/20"

// isPrivate reports whether addr is one that not everybody can reach, including this machine's own,
// or an IPv6 address that a translator or a tunnel turns into such an IPv4 address.
func isPrivate(addr netip.Addr) bool {
	addr = addr.Unmap()
	if addr.Is4() {
		return within(addr, notGlobal)
	}
	b := addr.As16()
	switch {
	case within(addr, "64:ff9b::/96"): // NAT64 (RFC 6052)
		return isPrivate(netip.AddrFrom4([4]byte(b[12:])))
	case within(addr, "2002::/16"): // 6to4 (RFC 3056)
		return isPrivate(netip.AddrFrom4([4]byte(b[2:6])))
	case b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe: // ISATAP (RFC 5214), under any prefix
		if isPrivate(netip.AddrFrom4([4]byte(b[12:]))) {
			return true
		}
	}
	return !within(addr, "2000::/3") || within(addr, notGlobal6)
}

// within reports whether addr is in one of the networks, which are separated by spaces.
func within(addr netip.Addr, networks string) bool {
	for _, n := range strings.Fields(networks) {
		if netip.MustParsePrefix(n).Contains(addr) {
			return true
		}
	}
	return false
}
