package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

const (
	host  = "registry.localhost"
	repoA = "https://example.org/a"
)

// world is a registry and a watcher with its service, in a synctest bubble.
type world struct {
	t       *testing.T
	network *leiocitest.Network
	reg     *leiocitest.Registry
	cfg     *config
	svc     *service
	logs    *logtest.Hook
	stop    func()
	ended   error // of the watcher, after stop
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, network: leiocitest.NewNetwork(t), stop: func() {}}
	w.reg = w.network.Serve(host, leiocitest.NewHandler())
	var err error
	w.cfg, err = parseConfig([]string{"-ref", host + "/org/lei-cache:latest", "-dir", filepath.Join(t.TempDir(), "cache")}, noEnvironment, nil)
	must(t, err)
	log, hook := logtest.NewNullLogger()
	log.SetLevel(logrus.DebugLevel)
	w.logs, w.svc = hook, newService(w.cfg.maxAge, log)
	t.Cleanup(func() { w.stop() })
	return w
}

func noEnvironment(string) string { return "" }

// start starts the watcher and waits until it is idle.
func (w *world) start() {
	client, err := w.cfg.client(w.network.Transport(), w.svc.log)
	must(w.t, err)
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.ended = newWatcher(w.cfg, client, w.svc).run(ctx)
	}()
	w.stop = func() {
		cancel()
		<-done
		w.svc.current.swap(nil)
	}
	synctest.Wait()
}

// look lets the watcher check at least once more.
func (w *world) look() {
	time.Sleep(2 * w.cfg.interval)
	synctest.Wait()
}

// push publishes the snapshot in dir and returns its digest.
func push(t testing.TB, rt http.RoundTripper, registry, date, dir string, opts ...leioci.PushOption) string {
	t.Helper()
	img, err := leioci.Package(t.Context(), dir, leioci.PackageFuture())
	must(t, err)
	repo, err := leioci.ParseRepository(registry + "/org/lei-cache")
	must(t, err)
	client, err := leioci.New(leioci.WithTransport(rt))
	must(t, err)
	var digest name.Digest
	digest, err = client.PushSnapshot(t.Context(), repo, []string{date, "latest"}, img, opts...)
	must(t, err)
	return digest.DigestStr()
}

// publish pushes a good snapshot, dated the given number of days after the bubble's start, and
// returns its date and digest.
func (w *world) publish(days int) (date, digest string) {
	w.t.Helper()
	day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, days)
	date = day.Format(time.DateOnly)
	return date, push(w.t, w.network.Transport(), host, date, leiocitest.WriteSnapshot(w.t, day, reports(date)...),
		leioci.AllowMoveBack())
}

// publishBroken pushes a snapshot with correct OCI digests whose reports differ from its
// manifest.json.
func (w *world) publishBroken(days int) (digest string) {
	w.t.Helper()
	day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, days)
	date := day.Format(time.DateOnly)
	dir := leiocitest.WriteSnapshot(w.t, day, reports(date)...)
	other := leiocitest.WriteSnapshot(w.t, day, `{"data":{"repo":"https://example.org/a","risk":"forged"}}`)
	cache, err := os.ReadFile(filepath.Join(other, "cache.jsonl.gz"))
	must(w.t, err)
	must(w.t, os.WriteFile(filepath.Join(dir, "cache.jsonl.gz"), cache, 0o644))
	return push(w.t, w.network.Transport(), host, date, dir)
}

// reports returns two reports on one repository and one on another. Their risk is the snapshot's
// date.
func reports(date string) []string {
	return []string{
		fmt.Sprintf(`{"data":{"repo":%q,"risk":%q},"n":1}`, repoA, date),
		fmt.Sprintf(`{"data":{"repo":"https://example.org/b","risk":%q}}`, date),
		fmt.Sprintf(`{"data":{"repo":%q,"risk":%q},"n":2}`, repoA, date),
	}
}

// answer is the response of /risk, as a client decodes it.
type answer struct {
	Error, Repo string
	Snapshot    struct {
		Date, Digest string
		Reports      int
	}
	Reports []struct {
		Risk   string
		Report struct {
			Data struct{ Repo, Risk string }
			N    int
		}
	}
}

// get sends a request to the handler, and decodes the response into v unless v is nil.
func (w *world) get(path string, v any) (status int, body string) {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.svc.handler().ServeHTTP(rec, httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, path, nil))
	if v != nil {
		if err := json.Unmarshal(rec.Body.Bytes(), v); err != nil {
			w.t.Errorf("%s: %v in %s", path, err, rec.Body)
		}
	}
	return rec.Code, rec.Body.String()
}

// serves checks that /risk answers from the snapshot with this date and digest.
func (w *world) serves(date, digest string) {
	w.t.Helper()
	var a answer
	status, body := w.get("/risk?repo="+repoA, &a)
	if status != http.StatusOK || a.whole() != nil || a.Snapshot.Date != date || a.Snapshot.Digest != digest {
		w.t.Errorf("status %d, %v, want the snapshot of %s, %s: %s", status, a.whole(), date, digest, body)
	}
}

// whole returns an error unless an answer on repoA comes entirely from one snapshot.
func (a *answer) whole() error {
	if a.Repo != repoA || a.Snapshot.Reports != 3 || len(a.Reports) != 2 || !strings.HasPrefix(a.Snapshot.Digest, "sha256:") {
		return fmt.Errorf("wrong answer: %+v", a)
	}
	for i, r := range a.Reports {
		if r.Risk != a.Snapshot.Date || r.Report.Data.Risk != a.Snapshot.Date || r.Report.Data.Repo != repoA || r.Report.N != i+1 {
			return fmt.Errorf("mixes snapshots: %+v", a)
		}
	}
	return nil
}

// state is the response of /healthz, as a client decodes it.
type state struct {
	Status        string
	Snapshot      *struct{ Date, Digest string }
	AgeSeconds    *int64     `json:"age_seconds"`
	MaxAgeSeconds int64      `json:"max_age_seconds"`
	LastChecked   *time.Time `json:"last_checked"`
	LastError     *failure   `json:"last_error"`
	SignedBy      []string   `json:"signed_by"`
	ValidUntil    time.Time  `json:"valid_until"`
	NextUpdate    time.Time  `json:"next_update"`
}

func (w *world) health() (status int, s state) {
	w.t.Helper()
	status, _ = w.get("/healthz", &s)
	return status, s
}

// ready checks the status of /readyz, and that /livez is independent of it.
func (w *world) ready(want int) {
	w.t.Helper()
	if status, body := w.get("/readyz", nil); status != want {
		w.t.Errorf("/readyz: %d, %s, want %d", status, body, want)
	}
	if status, body := w.get("/livez", nil); status != http.StatusOK {
		w.t.Errorf("/livez: %d, %s", status, body)
	}
}

// metric returns the value of a metric, given its name with labels, or "" if it is absent.
func (w *world) metric(name string) string {
	w.t.Helper()
	_, body := w.get("/metrics", nil)
	for line := range strings.Lines(body) {
		if value, ok := strings.CutPrefix(line, prefix+name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// metrics checks several at once.
func (w *world) metrics(want map[string]string) {
	w.t.Helper()
	for name, value := range want {
		if got := w.metric(name); got != value {
			w.t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
}
