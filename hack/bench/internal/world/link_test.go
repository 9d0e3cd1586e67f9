//go:build unix

package world

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// arrivals records when bytes arrive.
type arrivals struct {
	begin       time.Time
	first, last time.Duration
	bytes.Buffer
}

func (a *arrivals) Write(p []byte) (int, error) {
	a.last = time.Since(a.begin)
	if a.Len() == 0 {
		a.first = a.last
	}
	return a.Buffer.Write(p)
}

func TestALinkDelaysAndCaps(t *testing.T) {
	const bytesSent = 1_000_000
	for _, tt := range []struct {
		name        string
		quality     Quality
		setUp       time.Duration
		first, last time.Duration
	}{
		{"a delay", Quality{Delay: 25 * time.Millisecond}, 0, 25 * time.Millisecond, 25 * time.Millisecond},
		{"a new connection", Quality{Delay: 25 * time.Millisecond}, 50 * time.Millisecond, 75 * time.Millisecond, 75 * time.Millisecond},
		{"a cap", Quality{Rate: bytesSent}, 0, pieceBytes * time.Second / bytesSent, time.Second},
		{"both", Quality{Delay: time.Second, Rate: bytesSent}, 0, time.Second + pieceBytes*time.Second/bytesSent, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				data := bytes.Repeat([]byte("0123456789"), bytesSent/10)
				got := &arrivals{begin: time.Now()}
				if err := tt.quality.carry(t.Context(), got, bytes.NewReader(data), tt.setUp); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got.Bytes(), data) {
					t.Errorf("%d bytes arrived that are not the %d sent", got.Len(), len(data))
				}
				if got.first != tt.first || got.last.Round(time.Microsecond) != tt.last {
					t.Errorf("the first bytes arrived after %s and the last after %s, want %s and %s", got.first, got.last, tt.first, tt.last)
				}
			})
		})
	}
}

func TestALinkEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := errors.New("stop")
		r, _ := io.Pipe()
		time.AfterFunc(time.Second, func() {
			cancel(stop)
			_ = r.CloseWithError(stop) // as a connection is closed
		})
		if err := (Quality{}).carry(ctx, io.Discard, r, 0); !errors.Is(err, stop) {
			t.Errorf("got %v", err)
		}
	})
}

func TestALinkCarriesBothDirectionsAndTheirEnds(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return // the test has ended
		}
		defer hangUp(conn)
		_, _ = io.Copy(conn, conn) // until the client has sent all; the client checks what it gets
	}()
	link, err := StartLink(t.Context(), l.Addr().String(), Quality{Delay: time.Millisecond, SetUp: true})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", link.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer hangUp(conn)
	if _, err := io.WriteString(conn, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v", got, err)
	}
	idle, err := new(net.Dialer).DialContext(t.Context(), "tcp", link.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer hangUp(idle)
	if err := link.Close(); err != nil { // returns although a connection is open
		t.Error(err)
	}
}
