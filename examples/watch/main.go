package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills the process
	cfg, err := parseConfig(os.Args[1:], os.Getenv, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(0)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lei-watch:", err)
		os.Exit(2)
	}
	if err := listenAndRun(ctx, cfg); err != nil {
		fmt.Fprintln(os.Stderr, "lei-watch:", err)
		os.Exit(1)
	}
}

func listenAndRun(ctx context.Context, cfg *config) error {
	log := logrus.New()
	log.SetLevel(cfg.logLevel)
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", cfg.listen)
	if err != nil {
		return err
	}
	return run(ctx, cfg, listener, log)
}

// run serves on listener until ctx is done, and closes it. It returns when everything it started
// has stopped.
func run(ctx context.Context, cfg *config, listener net.Listener, log logrus.FieldLogger) error {
	svc := newService(cfg.maxAge, log)
	defer svc.current.swap(nil)
	base, err := cfg.transport()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer base.CloseIdleConnections()
	client, err := cfg.client(base, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		newWatcher(cfg, client, svc).run(ctx)
		return nil
	})
	g.Go(func() error { return serve(ctx, listener, svc.handler(), log) })
	return g.Wait()
}
