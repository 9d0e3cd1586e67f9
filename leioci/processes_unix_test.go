//go:build unix

package leioci_test

import (
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// together holds back requests until n of them have arrived.
func together(n int) leiocitest.Fault {
	var arrived sync.WaitGroup
	arrived.Add(n)
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		arrived.Done()
		all := make(chan struct{})
		go func() {
			defer close(all)
			arrived.Wait()
		}()
		select {
		case <-all:
			registry.ServeHTTP(w, r)
		case <-time.After(patience):
			panic(http.ErrAbortHandler) // the client then reports an error
		}
	}
}

func TestProcessesThatPullIntoOneDirectoryAtOnceBothSucceed(t *testing.T) {
	for name, there := range map[string]bool{"over an older snapshot": true, "where nothing is": false} {
		t.Run(name, func(t *testing.T) {
			w := newCrashWorld(t)
			for range 10 {
				w.reset()
				if !there {
					must(t, os.RemoveAll(w.dir))
				}
				// Neither gets the blob before both have started.
				hold := w.registry.(*leiocitest.Registry).On(http.MethodGet, "/blobs/"+w.large.Digest.String(), 2, together(2))
				var pulls sync.WaitGroup
				for range 2 {
					cmd := w.pulling().command(t)
					pulls.Go(func() {
						if err := run(cmd); err != nil {
							t.Error(err)
						}
					})
				}
				pulls.Wait()
				if hold.Hits() != 2 {
					t.Errorf("the blob was asked for %d times", hold.Hits())
				}
				verifySnapshot(t, w.dir)
				w.assertNew(name)
			}
		})
	}
}
