package main

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
)

// A watcher keeps the service's snapshot up to date.
type watcher struct {
	*config
	client *leioci.Client
	svc    *service
	log    logrus.FieldLogger
}

func newWatcher(cfg *config, client *leioci.Client, svc *service) *watcher {
	return &watcher{cfg, client, svc, svc.log.WithField("ref", cfg.ref.String())}
}

// run serves the snapshot in the directory, and then what the reference names, until ctx is done.
func (w *watcher) run(ctx context.Context) {
	if err := w.serveDir(ctx); errors.Is(err, fs.ErrNotExist) {
		w.log.Infof("no snapshot in %s yet", w.dir)
	} else if err != nil {
		w.failed(ctx, "load", err)
	}
	for ctx.Err() == nil {
		w.watch(ctx)
		// The pulled snapshot could not be served. The cause may be temporary, such as a full disk,
		// so start a new watch after an interval rather than wait for the snapshot to change.
		select {
		case <-time.After(w.interval):
		case <-ctx.Done():
		}
	}
}

// watch returns when ctx is done, or when a pulled snapshot cannot be served.
//
// It does not use leioci.MaxAge: a snapshot that is too old is better than an even older one, or
// none. /healthz reports that it is too old.
func (w *watcher) watch(ctx context.Context) {
	opts := leioci.WatchOptions{Interval: w.interval, EveryLook: true}
	for res, err := range w.client.Watch(ctx, w.ref, w.dir, opts) {
		if err != nil {
			w.svc.metrics.pulls.WithLabelValues("failed").Inc()
			w.failed(ctx, "pull", err)
			continue
		}
		w.svc.status.checkedAt(time.Now()) // so that operators see that the watch is alive
		w.svc.metrics.pulled(res)
		log := w.log.WithFields(logrus.Fields{"digest": res.Ref.DigestStr(), "bytes": res.BytesFetched})
		if info := w.svc.current.info(); res.UpToDate && info != nil && info.Digest == res.Ref.DigestStr() {
			log.Debug("snapshot is up to date")
			w.svc.status.succeeded()
			continue
		}
		if !res.UpToDate {
			log.Info("pulled a snapshot")
		}
		if err := w.serveDir(ctx); err != nil {
			w.failed(ctx, "load", err)
			return
		}
	}
}

// serveDir loads the snapshot in the directory and serves it.
func (w *watcher) serveDir(ctx context.Context) error {
	began := time.Now()
	ix, err := load(ctx, w.dir, w.maxContent)
	if err != nil {
		return err
	}
	w.svc.current.swap(ix)
	w.svc.status.succeeded()
	w.log.WithFields(logrus.Fields{
		"digest": ix.info.Digest, "reports": ix.info.Reports, "took": time.Since(began).Round(time.Millisecond),
	}).Infof("serving the snapshot of %s", ix.info.Date)
	return nil
}

// failed records and logs the error of a step, unless ctx is done.
func (w *watcher) failed(ctx context.Context, step string, err error) {
	if ctx.Err() != nil {
		return
	}
	w.svc.metrics.errors.WithLabelValues(step).Inc()
	w.svc.status.failed(err)
	w.log.WithError(err).Errorf("%s failed; still serving what was served before", step)
}
