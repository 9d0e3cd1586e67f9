//go:build unix

package leioci_test

import (
	"net/http"
	"os"
	"sync"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestProcessesThatPullIntoOneDirectoryAtOnceFetchItOnce(t *testing.T) {
	for name, there := range map[string]bool{"over an older snapshot": true, "where nothing is": false} {
		t.Run(name, func(t *testing.T) {
			w := newCrashWorld(t)
			reg := w.registry.(*leiocitest.Registry)
			for range 5 {
				w.reset()
				if !there {
					must(t, os.RemoveAll(w.dir))
				}
				var pulls sync.WaitGroup
				// The second begins when the first is fetching.
				fetching := make(chan struct{})
				begun := sync.OnceFunc(func() { close(fetching) })
				first := reg.On(http.MethodGet, "/blobs/"+w.large.Digest.String(), leiocitest.Always, func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
					begun()
					registry.ServeHTTP(rw, r)
				})
				pull := func() {
					if err := w.pulling().run(t); err != nil {
						t.Error(err)
					}
				}
				pulls.Go(pull)
				<-fetching
				pulls.Go(pull)
				pulls.Go(pull)
				pulls.Wait()
				if n := first.Hits(); n != 1 {
					t.Errorf("the blob was fetched %d times", n)
				}
				first.Stop()
				verifySnapshot(t, w.dir)
				w.assertNew(name)
			}
		})
	}
}
