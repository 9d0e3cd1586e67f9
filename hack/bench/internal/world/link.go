//go:build unix

package world

import (
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
}

// Link is a TCP proxy that delays what is sent through it. It does not delay the setting up of
// connections, which the kernel does before the proxy knows: on a real network, each new connection
// costs one round trip more.
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
	defer context.AfterFunc(ctx, func() { l.listener.Close() })()
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
	defer conn.Close()
	up, err := new(net.Dialer).DialContext(ctx, "tcp", l.upstream)
	if err != nil {
		return // the client sees a closed connection
	}
	defer up.Close()
	defer context.AfterFunc(ctx, func() { conn.Close(); up.Close() })()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{conn, up}, {up, conn}} {
		both.Go(func() {
			if err := l.quality.carry(ctx, way[1], way[0]); err != nil {
				// A connection that fails in one direction is of no use in the other.
				conn.Close()
				up.Close()
			}
		})
	}
	both.Wait()
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

// carry copies from src to dst until src ends, and then closes dst for writing.
func (q Quality) carry(ctx context.Context, dst io.Writer, src io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pieces := make(chan piece, maxPieces)
	go func() {
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
	}()
	var free time.Time // when the line has carried all before
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
			return err
		}
		if errors.Is(p.err, io.EOF) {
			return closeWrite(dst)
		}
		if p.err != nil {
			return p.err
		}
	}
	return context.Cause(ctx)
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
