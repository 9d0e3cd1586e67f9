//go:build unix

// Package world has what the clients talk to: a registry in a process of its own, a proxy that
// counts requests, and a slow link. All of it listens on loopback addresses only.
package world

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/lowendinsight/lei-go/hack/bench/internal/process"
)

// Registry is a running CNCF distribution.
type Registry struct {
	Host string // host:port
	cmd  *exec.Cmd
	log  string
}

const config = `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %q}}
http: {addr: %q, secret: %q}
`

// StartRegistry starts the distribution binary at path, with its storage in dir, and waits until it
// accepts connections. It runs until ctx ends or it is stopped.
func StartRegistry(ctx context.Context, path, dir string) (*Registry, error) {
	host, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	r := &Registry{Host: host, log: filepath.Join(dir, "log")}
	configFile := filepath.Join(dir, "config.yml")
	content := fmt.Sprintf(config, filepath.Join(dir, "data"), host, rand.Text())
	if err := os.WriteFile(configFile, []byte(content), 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(r.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	r.cmd = process.Command(ctx, path, "serve", configFile)
	r.cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	r.cmd.Stdout, r.cmd.Stderr = log, log
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the registry: %w", err)
	}
	if err := r.await(ctx); err != nil {
		r.Stop()
		return nil, err
	}
	return r, nil
}

// Stop ends the registry.
func (r *Registry) Stop() {
	_ = r.cmd.Cancel() // it may have ended
	_ = r.cmd.Wait()   // it was killed
}

// await waits up to ten seconds for the registry.
func (r *Registry) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Second, errors.New("the registry did not start within 10 seconds"))
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.Host)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(r.log) // only for the message
			return fmt.Errorf("%w: %.2000s", context.Cause(ctx), log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// freeAddress returns a loopback address that nobody listened on a moment ago.
func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
