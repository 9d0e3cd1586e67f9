package serve_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/serve"
)

// oneConnection is a listener for one connection in memory.
type oneConnection struct {
	conn   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *oneConnection) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *oneConnection) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *oneConnection) Addr() net.Addr { return &net.TCPAddr{} }

// connect returns a connection to a server whose own timeout is short. It works in a bubble.
func connect(t *testing.T, h http.Handler) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	l := &oneConnection{conn: make(chan net.Conn, 1), closed: make(chan struct{})}
	l.conn <- server
	s := &http.Server{Handler: h, WriteTimeout: time.Second, ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.Serve(l) // until it is shut down
	}()
	t.Cleanup(func() {
		_ = client.Close()
		must(t, s.Shutdown(context.WithoutCancel(t.Context())))
		<-served
	})
	return client
}

func TestASlowDownloadIsNotCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		content := strings.Repeat("x", 200<<10)
		conn := connect(t, serve.New(newMemory(content), "", discard()))
		_, err := fmt.Fprintf(conn, "GET /v2/a/blobs/%s HTTP/1.1\r\nHost: h\r\n\r\n", digestOf(content))
		must(t, err)
		resp, err := http.ReadResponse(bufio.NewReaderSize(slow{conn}, 1<<10), nil)
		must(t, err)
		began := time.Now()
		if n, err := readAll(resp); err != nil || n != int64(len(content)) || time.Since(began) < 20*time.Minute {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
}

// slow reads a little every ten seconds.
type slow struct{ net.Conn }

func (s slow) Read(p []byte) (int, error) {
	time.Sleep(10 * time.Second)
	return s.Conn.Read(p[:min(len(p), 1<<10)])
}

func TestAClientThatTakesNothingIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		content := strings.Repeat("x", 200<<10)
		conn := connect(t, serve.New(newMemory(content), "", discard()))
		_, err := fmt.Fprintf(conn, "GET /v2/a/blobs/%s HTTP/1.1\r\nHost: h\r\n\r\n", digestOf(content))
		must(t, err)
		time.Sleep(time.Hour)
		if n, err := io.Copy(io.Discard, conn); err != nil || n >= int64(len(content)) {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
}

func TestABodyIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, start := range []string{
			"HEAD /v2/ HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nx",
			"GET /v2/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
			"PUT /v2/a/blobs/uploads/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\nx",
		} {
			conn := connect(t, serve.New(newMemory(), "", discard()))
			_, err := io.WriteString(conn, start)
			must(t, err)
			began := time.Now()
			answer, err := io.ReadAll(conn) // to the end of the connection
			if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 ") || time.Since(began) > 10*time.Second {
				t.Errorf("%.20q: %q, %v after %v", start, answer, err, time.Since(began))
			}
		}
	})
}

func TestOldAndOddRequestsAreAnswered(t *testing.T) {
	for request, want := range map[string]string{
		"GET /v2/a/blobs/" + hello + " HTTP/1.0\r\n\r\n":                                                  "HTTP/1.0 200 OK",
		"HEAD /v2/a/blobs/" + hello + " HTTP/1.0\r\n\r\n":                                                 "HTTP/1.0 200 OK",
		"GET http://other/v2/a/blobs/" + hello + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n":      "HTTP/1.1 200 OK",
		"GET /v2/" + strings.Repeat("a", 900_000) + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n":   "HTTP/1.1 404 Not Found",
		"GET /v2/" + strings.Repeat("a", 2_000_000) + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n": "HTTP/1.1 431 Request Header Fields Too Large",
		"OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n":                                      "HTTP/1.1 200 OK", // net/http's own
		"GET /v2/a/manifests/lat\x00est HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n":                 "HTTP/1.1 400 Bad Request",
		"GET ../v2/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n":                                     "HTTP/1.1 400 Bad Request",
	} {
		synctest.Test(t, func(t *testing.T) {
			conn := connect(t, serve.New(newMemory("hello"), "", discard()))
			go func() { _, _ = io.WriteString(conn, request) }() // the server may stop reading
			answer, err := bufio.NewReader(conn).ReadString('\n')
			if err != nil || strings.TrimSpace(answer) != want {
				t.Errorf("%.40q: %q, %v", request, answer, err)
			}
		})
	}
}

func TestManyDownloadsAtOnceAreWhole(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 1<<16)
	h := serve.New(newMemory(content), "", discard())
	address := listen(t, h)
	var clients sync.WaitGroup
	for range 64 {
		clients.Go(func() {
			resp, err := http.Get("http://" + address + "/v2/a/blobs/" + digestOf(content).String()) //nolint:noctx // it ends with the server
			if err != nil {
				t.Error(err)
				return
			}
			if n, err := readAll(resp); err != nil || n != int64(len(content)) {
				t.Errorf("%d bytes, %v", n, err)
			}
		})
	}
	clients.Wait()
	http.DefaultClient.CloseIdleConnections()
}
