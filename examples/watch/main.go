package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
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
	log := newLogger(cfg.logLevel, os.Stderr)
	if err := listenAndRun(ctx, cfg, log); err != nil {
		log.WithError(err).Error("the service ends")
		os.Exit(exitStatus(err))
	}
}

// newLogger returns a logger that writes a JSON object on each line.
func newLogger(level logrus.Level, out io.Writer) *logrus.Logger {
	log := logrus.New()
	log.SetFormatter(&logrus.JSONFormatter{})
	log.SetLevel(level)
	log.SetOutput(out)
	return log
}

func listenAndRun(ctx context.Context, cfg *config, log logrus.FieldLogger) error {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", cfg.listen)
	if errors.Is(err, syscall.EADDRINUSE) { // perhaps by a process that is about to end
		return err
	}
	if err != nil {
		return configError{fmt.Errorf("-listen: %w", err)}
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
		return errors.Join(configError{err}, listener.Close())
	}
	defer base.CloseIdleConnections()
	client, err := cfg.client(base, log)
	if err != nil {
		return errors.Join(configError{err}, listener.Close())
	}
	if err := checkParents(cfg.dir, log); err != nil {
		return errors.Join(err, listener.Close())
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return newWatcher(cfg, client, svc).run(ctx) })
	g.Go(func() error { return serve(ctx, listener, svc.handler(), log) })
	return g.Wait()
}
