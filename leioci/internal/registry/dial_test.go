package registry_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// lyingNames makes the network's name servers say, in this test, that names are at an address that
// is not this machine's. It returns the names that they were asked for.
func lyingNames(t *testing.T) func() string {
	t.Helper()
	usual := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = usual })
	asked := make(chan string, 100)
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer func() { _ = server.Close() }()
			query := make([]byte, 1<<10)
			n, _ := server.Read(query)
			asked <- strings.ToLower(string(query[:n]))
		}()
		return client, nil
	}}
	return func() string {
		var all strings.Builder
		for {
			select {
			case name := <-asked:
				all.WriteString(name)
			default:
				return all.String()
			}
		}
	}
}

// It runs in a process of its own: what an earlier test has left to be dialed reads the resolver.
func TestTheNetworkIsNotAskedWhereThisMachineIs(t *testing.T) {
	if !inProcessOfItsOwn(t) {
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is a test's
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	asked := lyingNames(t)
	dial := registry.NewTransport(nil, []string{"plain.localhost:" + port}).(*http.Transport).DialContext
	for _, host := range []string{"registry.localhost", "a.b.LOCALHOST", "registry.localhost.", "localhost"} {
		conn, err := dial(t.Context(), "tcp", net.JoinHostPort(host, port))
		if err != nil || asked() != "" {
			t.Errorf("%s: got %v; the network was asked", host, err)
			continue
		}
		_ = conn.Close()
	}
	var notFound *net.DNSError
	if conn, err := dial(t.Context(), "tcp", "plain.localhost:"+port); !errors.As(err, &notFound) || !strings.Contains(asked(), "plain") {
		t.Errorf("configured for plain HTTP: got %v, %v", conn, err)
	}
}
