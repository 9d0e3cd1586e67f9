package main

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
)

// prefix is the prefix of the service's metric names.
const prefix = "lei_watch_"

// metrics holds the counters, in a registry of their own.
type metrics struct {
	registry               *prometheus.Registry
	pulls, lookups, errors *prometheus.CounterVec
	fetched                prometheus.Counter
}

func newMetrics(c *current, st *status) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		pulls: counters("pulls_total", "Pulls by outcome.",
			"outcome", "changed", "unchanged", "failed"),
		lookups: counters("lookups_total", "Requests for /risk by outcome. Several are those for several repositories. Aborted means that the client disconnected.",
			"outcome", "found", "unknown", "several", "no_snapshot", "bad_request", "aborted", "failed"),
		errors: counters("errors_total", "Failures to pull or to load a snapshot, for example because it does not verify.",
			"step", "pull", "load"),
		fetched: prometheus.NewCounter(prometheus.CounterOpts{
			Name: prefix + "fetched_bytes_total", Help: "Bytes of blobs that successful pulls read from the registry.",
		}),
	}
	m.registry.MustRegister(m.pulls, m.lookups, m.errors, m.fetched, &gauges{current: c, status: st},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// counters returns counters that exist at 0 from the start. One that appears with its first
// increment has no rate.
func counters(name, help, label string, values ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, []string{label})
	for _, value := range values {
		v.WithLabelValues(value)
	}
	return v
}

func (m *metrics) pulled(res *leioci.PullResult) {
	outcome := "changed"
	if res.UpToDate {
		outcome = "unchanged"
	}
	m.pulls.WithLabelValues(outcome).Inc()
	m.fetched.Add(float64(res.BytesFetched))
}

func (m *metrics) handler(log logrus.FieldLogger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorLog: log, Registry: m.registry})
}

// gauges are computed at each scrape. Those of a snapshot are absent while there is none.
type gauges struct {
	current *current
	status  *status
}

// Describe implements [prometheus.Collector]. It sends no descriptions, which makes the collector
// unchecked: the client library then accepts that some gauges are absent.
func (g *gauges) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	gauge := func(name, help string, value float64, labels prometheus.Labels) {
		desc := prometheus.NewDesc(prefix+name, help, nil, labels)
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value)
	}
	if checked, _ := g.status.get(); !checked.IsZero() {
		gauge("last_checked_timestamp_seconds", "When the registry last answered which snapshot is newest.",
			seconds(checked), nil)
	}
	info := g.current.info()
	if info == nil {
		return
	}
	gauge("snapshot_date_timestamp_seconds", "Midnight UTC of the date of the snapshot in use.", seconds(info.date), nil)
	gauge("snapshot_age_seconds", "Time since the date of the snapshot in use.", info.age().Seconds(), nil)
	gauge("snapshot_reports", "Reports in the snapshot in use.", float64(info.Reports), nil)
	gauge("snapshot_info", "Always 1, with the digest of the snapshot in use.", 1,
		prometheus.Labels{"digest": info.Digest})
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
