package guard

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// literal returns the address that a host is, in any of the forms that a dialer or a system's resolver takes for one:
// "127.1" and "0x7f000001" are 127.0.0.1 to some.
func literal(host string) (netip.Addr, bool) {
	host, _, _ = strings.Cut(host, "%") // a zone changes nothing
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
	rest := 8 * (5 - len(parts)) // the last part fills what is left
	n, err := strconv.ParseUint(parts[len(parts)-1], 0, rest)
	if err != nil {
		return netip.Addr{}, false
	}
	for i := 3; i >= len(parts)-1; i-- {
		ip[i] = byte(n)
		n >>= 8
	}
	return netip.AddrFrom4(ip), true
}

// checkHost refuses a host that net/http would not take as it is: of "１０.０.０.５" it makes 10.0.0.5 (IDNA, UTS 46), on
// its way past everybody who looks for addresses, go-containerregistry included. On the wire names are ASCII (RFC 5891).
func checkHost(u *url.URL) error {
	for _, c := range []byte(u.Host) {
		if c > unicode.MaxASCII {
			return fmt.Errorf("refused to ask the host %q: a name that is not ASCII is written as xn--", u.Host)
		}
	}
	return nil
}

// private reports whether addr is one that only some machines reach, this one among them.
func private(addr netip.Addr) bool {
	return addr.IsPrivate() || addr.IsLoopback() || addr.IsUnspecified() || addr.IsLinkLocalUnicast() || addr.IsLinkLocalMulticast()
}

// Loopback reports whether host is this machine.
func Loopback(host string) bool {
	if strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost") {
		return true
	}
	addr, ok := literal(host)
	return ok && addr.IsLoopback()
}
