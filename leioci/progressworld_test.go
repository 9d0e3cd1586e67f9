package leioci_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// events are those of transfers, in order.
type events []leioci.Event

func (e *events) option() leioci.TransferOption {
	return leioci.Progress(func(event leioci.Event) { *e = append(*e, event) })
}

// of returns the events of a file, and forgets those of all.
func (e *events) of(t *testing.T, file string) []leioci.Event {
	t.Helper()
	var found []leioci.Event
	for _, event := range *e {
		if event.Done < 0 || event.Resumed < 0 || event.Done > event.Total || event.Resumed > event.Done {
			t.Errorf("wrong numbers: %+v", event)
		}
		if event.Name == file {
			found = append(found, event)
		}
	}
	*e = nil
	if len(found) == 0 {
		t.Fatalf("there is no event of %s", file)
	}
	return found
}

// A progressWorld is a registry in memory, with a snapshot that takes time to transfer.
type progressWorld struct {
	t      *testing.T
	reg    *leiocitest.Registry
	client *leioci.Client
	repo   name.Repository
	src    string
	events events
}

func newProgressWorld(t *testing.T) *progressWorld {
	time.Sleep(time.Until(newer))
	network := leiocitest.NewNetwork(t)
	reg := network.Serve("registry.localhost", leiocitest.NewHandler())
	c, err := leioci.New(leioci.WithTransport(network.Transport()), leioci.WithPlainHTTP(reg.Host()))
	must(t, err)
	w := &progressWorld{t: t, reg: reg, client: c, repo: repository(t, reg), src: leiocitest.WriteSnapshot(t, newer)}
	cache := make([]byte, cacheSize)
	_, _ = rand.Read(cache) // never fails
	must(t, os.WriteFile(filepath.Join(w.src, cacheFile), cache, 0o600))
	return w
}

func (w *progressWorld) push() {
	w.t.Helper()
	_, err := w.client.PushSnapshot(w.t.Context(), w.repo, []string{"latest"}, unhashed(w.t, w.src), w.events.option())
	must(w.t, err)
}

func (w *progressWorld) pull(dir string) {
	w.t.Helper()
	_, err := w.client.PullSnapshot(w.t.Context(), w.repo.Tag("latest"), dir, w.events.option())
	must(w.t, err)
}

func last(of []leioci.Event) leioci.Event { return of[len(of)-1] }

func increasing(of []leioci.Event) bool {
	return slices.IsSortedFunc(of, func(a, b leioci.Event) int { return int(a.Done - b.Done) })
}
