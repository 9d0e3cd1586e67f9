package guard

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// literal parses host as an IP address in any form that a dialer or a system resolver accepts. Some
// of them read "127.1" and "0x7f000001" as 127.0.0.1.
func literal(host string) (netip.Addr, bool) {
	host, _, _ = strings.Cut(host, "%")  // the zone does not matter
	host = strings.TrimSuffix(host, ".") // some resolvers read "10.0.0.1." as an address, too
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

// Loopback reports whether host refers to this machine: localhost, a name under it (RFC 6761), or a
// loopback address. Addresses in the forms that only some resolvers read, such as "127.1", do not
// count: others look them up as names.
func Loopback(host string) bool {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || loopbackAddress(host)
}

func loopbackAddress(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// staysHere reports whether a request to this machine goes there directly. net/http sends a request
// through a proxy unless its host is spelled "localhost" or is a loopback address
// ([http.ProxyFromEnvironment]); for a transport of an unknown kind nothing else is certain.
func (t Transport) staysHere(req *http.Request) bool {
	host := req.URL.Hostname()
	if !Loopback(host) {
		return false
	}
	if t.Proxy == nil {
		return host == "localhost" || loopbackAddress(host)
	}
	proxy, err := t.Proxy(req)
	return err == nil && proxy == nil
}
