package main

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
)

// A watcher keeps a service's snapshot up to date.
type watcher struct {
	*config
	client *leioci.Client
	svc    *service
	log    logrus.FieldLogger
}

func newWatcher(cfg *config, client *leioci.Client, svc *service) *watcher {
	return &watcher{cfg, client, svc, svc.log.WithField("ref", cfg.ref.String())}
}

// run serves what the directory holds, and then what the reference names, until ctx ends.
func (w *watcher) run(ctx context.Context) {
	if err := w.take(ctx); errors.Is(err, fs.ErrNotExist) {
		w.log.Infof("%s holds no snapshot yet", w.dir)
	} else if err != nil {
		w.failed(ctx, "load", err)
	}
	for ctx.Err() == nil {
		w.watch(ctx)
		// What was pulled is not served. Watch would not speak of it again before it changes; the reason may pass sooner,
		// as a full disk does.
		select {
		case <-time.After(w.interval):
		case <-ctx.Done():
		}
	}
}

// watch returns when ctx ends, or when a snapshot was pulled that is not fit to be served.
//
// There is no leioci.MaxAge: a snapshot that is too old is better than one that is older still, or none. That it is too old
// is what /healthz says.
func (w *watcher) watch(ctx context.Context) {
	opts := leioci.WatchOptions{Interval: w.interval, EveryLook: true}
	for res, err := range w.client.Watch(ctx, w.ref, w.dir, opts) {
		if err != nil {
			w.svc.metrics.pulls.WithLabelValues("failed").Inc()
			w.failed(ctx, "pull", err)
			continue
		}
		w.svc.status.checkedAt(time.Now()) // that somebody still looks is what an operator wants to see
		w.svc.metrics.pulled(res)
		log := w.log.WithFields(logrus.Fields{"digest": res.Ref.DigestStr(), "bytes": res.BytesFetched})
		if info := w.svc.current.info(); res.UpToDate && info != nil && info.Digest == res.Ref.DigestStr() {
			log.Debug("the snapshot is up to date")
			w.svc.status.succeeded()
			continue
		}
		if !res.UpToDate {
			log.Info("pulled a snapshot")
		}
		if err := w.take(ctx); err != nil {
			w.failed(ctx, "load", err)
			return
		}
	}
}

// take serves what the directory holds.
func (w *watcher) take(ctx context.Context) error {
	began := time.Now()
	ix, err := load(ctx, w.dir, w.maxContent)
	if err != nil {
		return err
	}
	w.svc.current.swap(ix)
	w.svc.status.succeeded()
	w.log.WithFields(logrus.Fields{
		"digest": ix.info.Digest, "reports": ix.info.Reports, "took": time.Since(began).Round(time.Millisecond),
	}).Infof("the snapshot of %s is being served", ix.info.Date)
	return nil
}

// failed reports an error of a step, unless it is the end.
func (w *watcher) failed(ctx context.Context, step string, err error) {
	if ctx.Err() != nil {
		return
	}
	w.svc.metrics.errors.WithLabelValues(step).Inc()
	w.svc.status.failed(err)
	w.log.WithError(err).Errorf("%s failed; the service goes on with what it has", step)
}
