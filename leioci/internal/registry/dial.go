package registry

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/guard"
)

// dialer connects to servers. The names under localhost are those of this machine (RFC 6761,
// section 6.3), and credentials are sent there over http; but Go's resolver asks the network's name
// servers where they are. So localhost is looked up in their place, and nothing but a loopback
// address will do. The registries that are configured for plain HTTP may be anywhere.
func dialer(plainHTTP []string) func(ctx context.Context, network, address string) (net.Conn, error) {
	configured := guard.Transport{PlainHTTP: plainHTTP}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		d := net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
		host, port, err := net.SplitHostPort(address)
		if err == nil && guard.Loopback(host) && net.ParseIP(host) == nil && !configured.UsesPlainHTTP(address) {
			address, d.Control = net.JoinHostPort("localhost", port), onlyLoopback
		}
		return d.DialContext(ctx, network, address)
	}
}

// onlyLoopback is a [net.Dialer.Control] that refuses other machines.
func onlyLoopback(_, address string, _ syscall.RawConn) error {
	addr, err := netip.ParseAddrPort(address)
	if err == nil && !addr.Addr().Unmap().IsLoopback() {
		err = fmt.Errorf("refusing to connect to %s, which localhost is said to be", addr.Addr())
	}
	return err
}
