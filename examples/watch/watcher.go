package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// A watcher keeps the service's snapshot up to date.
type watcher struct {
	*config
	client  *leioci.Client
	svc     *service
	log     logrus.FieldLogger
	checked bool // whether the first check is over
}

func newWatcher(cfg *config, client *leioci.Client, svc *service) *watcher {
	return &watcher{config: cfg, client: client, svc: svc, log: svc.log.WithField("ref", cfg.ref.String())}
}

// firstRetry is the time until a snapshot that could not be served is loaded again. It doubles each
// time, up to the interval.
const firstRetry = time.Minute

// run serves the snapshot in the directory, and then what the reference names, until ctx is done.
// The error is a configError of the first check.
func (w *watcher) run(ctx context.Context) error {
	loadErr := w.serveDir(ctx)
	if errors.Is(loadErr, fs.ErrNotExist) {
		w.log.Infof("no snapshot in %s yet", w.dir)
	} else if loadErr != nil {
		w.failed(ctx, "load", loadErr)
	}
	for retry := firstRetry; ctx.Err() == nil; {
		var err error
		if loadErr, err = w.watch(ctx, loadErr); err != nil {
			return err
		}
		if loadErr == nil {
			retry = firstRetry
			continue
		}
		// The cause may be temporary, such as a full disk, so do not wait for the snapshot to
		// change.
		retry = min(retry, w.interval)
		select {
		case <-time.After(retry):
		case <-ctx.Done():
			return nil
		}
		retry += min(retry, w.interval-retry)
		if loadErr = w.serveDir(ctx); loadErr != nil {
			w.failed(ctx, "load", loadErr)
		}
	}
	return nil
}

// watch watches the reference. loadErr says why the directory's snapshot is not served, if it is
// not. watch returns when ctx is done, when a pulled snapshot cannot be served (loadErr again), or
// when the first one is served after options for an emergency. The other error is a configError.
func (w *watcher) watch(ctx context.Context, loadErr error) (_, err error) {
	emergency := isDamaged(loadErr) && w.svc.current.info() == nil
	for res, err := range w.client.Watch(ctx, w.ref, w.dir, w.options(loadErr, emergency)) {
		first := !w.checked
		w.checked = true
		if err != nil {
			if first && cannotWork(err, w.svc.current.info() != nil) {
				return nil, configError{err}
			}
			w.svc.metrics.pulls.WithLabelValues("failed").Inc()
			if errors.Is(err, leioci.ErrOlder) {
				err = fmt.Errorf("%w (flag -allow-older)", err)
			}
			w.failed(ctx, "pull", err)
			continue
		}
		if err := w.pulled(ctx, res); err != nil || emergency {
			return err, nil
		}
	}
	if ctx.Err() == nil {
		return nil, configError{errors.New("the watch refuses its options")} // and has logged why
	}
	return nil, nil
}

// options returns the options of a watch.
//
// Reports are verified and indexed before they replace anything, so that the directory always has a
// snapshot that this process, and the next one, can serve at once. MaxAge is not used: a snapshot
// that is too old is better than an even older one, or none. /healthz reports that it is too old.
func (w *watcher) options(loadErr error, emergency bool) leioci.WatchOptions {
	opts := leioci.WatchOptions{
		Interval: w.interval, FirstLook: w.firstLook, EveryLook: true,
		Pull: []leioci.PullOption{leioci.IndexReports()},
	}
	if loadErr != nil {
		opts.FirstLook = -1 // there is something to repair
	}
	if w.allowOlder || emergency {
		opts.Pull = append(opts.Pull, leioci.AllowOlder())
	}
	return opts
}

// isDamaged reports whether err says that a directory has a snapshot that nobody can use, left by a
// pull that did not verify the reports, or damaged since. If there is no other to serve, even an
// older one is better, so its date does not count.
func isDamaged(err error) bool {
	if errors.Is(err, snapshot.ErrNotIndexed) {
		return false // it is in order
	}
	for _, kind := range []error{
		snapshot.ErrMismatch, snapshot.ErrMalformed, snapshot.ErrCorrupt, snapshot.ErrNotSnapshot, snapshot.ErrTooLarge,
	} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// pulled serves what a successful pull left in the directory, unless it is being served already.
func (w *watcher) pulled(ctx context.Context, res *leioci.PullResult) error {
	w.svc.status.checkedAt(time.Now()) // so that operators see that the watch is alive
	w.svc.status.learned(newProvenance(res))
	w.svc.metrics.pulled(res)
	log := w.log.WithFields(logrus.Fields{"digest": res.Digest.String(), "bytes": res.BytesFetched})
	if info := w.svc.current.info(); res.UpToDate && info != nil && info.Digest == res.Digest.String() && w.svc.current.indexed(ctx) {
		log.Debug("snapshot is up to date")
		w.svc.status.succeeded()
		return nil
	}
	if !res.UpToDate {
		log.Info("pulled a snapshot")
	}
	err := w.serveDir(ctx)
	if err != nil {
		w.failed(ctx, "load", err)
	}
	return err
}

// serveDir loads the snapshot in the directory and serves it, if the policy trusts it.
func (w *watcher) serveDir(ctx context.Context) error {
	began := time.Now()
	next, err := load(ctx, w.dir, w.maxContent)
	if err != nil {
		return err
	}
	if err := w.checkTrusted(ctx, next.info.Digest); err != nil {
		return errors.Join(err, next.Close())
	}
	w.svc.current.swap(next)
	w.svc.status.succeeded()
	w.log.WithFields(logrus.Fields{
		"digest": next.info.Digest, "reports": next.info.Reports, "took": time.Since(began).Round(time.Millisecond),
	}).Infof("serving the snapshot of %s", next.info.Date)
	return nil
}

// failed records and logs the error of a step, unless ctx is done.
func (w *watcher) failed(ctx context.Context, step string, err error) {
	if ctx.Err() != nil {
		return
	}
	w.svc.metrics.errors.WithLabelValues(step).Inc()
	w.svc.status.failed(err)
	still := "nothing to serve yet"
	if info := w.svc.current.info(); info != nil {
		still = "still serving the snapshot of " + info.Date
	}
	w.log.WithError(err).Errorf("%s failed; %s", step, still)
}
