//go:build unix

package world

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Quality is what a link does to each of its connections.
type Quality struct {
	Delay time.Duration // of each byte in each direction: half a round trip
	Rate  int64         // bytes a second in each direction; 0: no limit
	// SetUp makes a new connection cost a round trip, as TCP's handshake does. The kernel connects
	// before the proxy knows of it, so the client's first bytes are delayed for that long instead.
	SetUp bool
}

// Link is a TCP proxy that delays what is sent through it.
type Link struct {
	Host     string // host:port
	upstream string
	quality  Quality
	listener net.Listener
	cancel   context.CancelFunc
	wait     sync.WaitGroup
}

// StartLink starts a link to the server at upstream. It runs until it is closed or ctx ends.
func StartLink(ctx context.Context, upstream string, quality Quality) (*Link, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	link := &Link{Host: l.Addr().String(), upstream: upstream, quality: quality, listener: l, cancel: cancel}
	link.wait.Go(func() { link.accept(ctx) })
	return link, nil
}

// Close stops the link and its connections, and waits for them.
func (l *Link) Close() error {
	l.cancel()
	err := l.listener.Close()
	l.wait.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (l *Link) accept(ctx context.Context) {
	defer context.AfterFunc(ctx, func() { _ = l.listener.Close() })()
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			return // closed
		}
		l.wait.Go(func() { l.serve(ctx, conn) })
	}
}

// serve connects conn to the upstream until both directions have ended.
func (l *Link) serve(ctx context.Context, conn net.Conn) {
	defer hangUp(conn)
	up, err := new(net.Dialer).DialContext(ctx, "tcp", l.upstream)
	if err != nil {
		return // the client sees a closed connection
	}
	defer hangUp(up)
	defer context.AfterFunc(ctx, func() { hangUp(conn, up) })()
	var both sync.WaitGroup
	carry := func(dst, src net.Conn, first time.Duration) {
		if err := l.quality.carry(ctx, dst, src, first); err != nil {
			// A connection that fails in one direction is of no use in the other.
			hangUp(conn, up)
		}
	}
	var first time.Duration
	if l.quality.SetUp {
		first = 2 * l.quality.Delay
	}
	both.Go(func() { carry(up, conn, first) })
	both.Go(func() { carry(conn, up, 0) })
	both.Wait()
}

// hangUp closes connections. There is nobody to tell if that fails.
func hangUp(conns ...net.Conn) {
	for _, conn := range conns {
		_ = conn.Close()
	}
}

// piece is what was read at once, or the error that ended the reading.
type piece struct {
	data []byte
	due  time.Time
	err  error
}

const (
	pieceBytes = 32 << 10
	maxPieces  = 256 // under way: 8 MiB
)

// carry copies from src to dst until src ends, and then closes dst for writing. The first bytes are
// delayed for longer, by first.
func (q Quality) carry(ctx context.Context, dst io.Writer, src io.Reader, first time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pieces := make(chan piece, maxPieces)
	go q.read(ctx, src, pieces)
	free := time.Now().Add(first) // when the line has carried all before
	if first > 0 {
		free = free.Add(q.Delay)
	}
	for p := range pieces {
		if free.Before(p.due) {
			free = p.due
		}
		if q.Rate > 0 {
			free = free.Add(time.Duration(len(p.data)) * time.Second / time.Duration(q.Rate))
		}
		if err := sleepUntil(ctx, free); err != nil {
			return err
		}
		if _, err := dst.Write(p.data); err != nil {
			return cmp.Or(context.Cause(ctx), err) // when ctx ends, connections are closed
		}
		if errors.Is(p.err, io.EOF) {
			return closeWrite(dst)
		}
		if p.err != nil {
			return cmp.Or(context.Cause(ctx), p.err)
		}
	}
	return context.Cause(ctx)
}

// read reads src to its end, and closes pieces.
func (q Quality) read(ctx context.Context, src io.Reader, pieces chan<- piece) {
	defer close(pieces)
	for {
		data := make([]byte, pieceBytes)
		n, err := src.Read(data)
		select {
		case pieces <- piece{data[:n], time.Now().Add(q.Delay), err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

func sleepUntil(ctx context.Context, t time.Time) error {
	select {
	case <-time.After(time.Until(t)):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func closeWrite(w io.Writer) error {
	if half, ok := w.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
