package guard

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// literal parses host as an IP address in any form that a dialer or a system resolver accepts. Some
// of them read "127.1" and "0x7f000001" as 127.0.0.1.
func literal(host string) (netip.Addr, bool) {
	host, _, _ = strings.Cut(host, "%") // the zone does not matter
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap(), true
	}
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var ip [4]byte
	for i, part := range parts[:len(parts)-1] {
		n, err := strconv.ParseUint(part, 0, 8)
		if err != nil {
			return netip.Addr{}, false
		}
		ip[i] = byte(n)
	}
	bits := 8 * (5 - len(parts)) // the last part fills the remaining bytes
	n, err := strconv.ParseUint(parts[len(parts)-1], 0, bits)
	if err != nil {
		return netip.Addr{}, false
	}
	for i := 3; i >= len(parts)-1; i-- {
		ip[i] = byte(n)
		n >>= 8
	}
	return netip.AddrFrom4(ip), true
}

// checkHost refuses a host name that is not ASCII. Names on the wire are ASCII (RFC 5891), and
// net/http converts others (IDNA, UTS 46): "１０.０.０.５" becomes 10.0.0.5, after every check for
// addresses has run, go-containerregistry's included.
func checkHost(u *url.URL) error {
	for _, c := range []byte(u.Host) {
		if c > unicode.MaxASCII {
			return fmt.Errorf("refusing host %q: write a non-ASCII name in its xn-- form", u.Host)
		}
	}
	return nil
}

// isPrivate reports whether addr is one that only some machines can reach, including this machine's
// own.
func isPrivate(addr netip.Addr) bool {
	return addr.IsPrivate() || addr.IsLoopback() || addr.IsUnspecified() ||
		addr.IsLinkLocalUnicast() || addr.IsLinkLocalMulticast()
}

// Loopback reports whether host refers to this machine: localhost, a name under it, or a loopback
// address.
func Loopback(host string) bool {
	if strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost") {
		return true
	}
	addr, ok := literal(host)
	return ok && addr.IsLoopback()
}
