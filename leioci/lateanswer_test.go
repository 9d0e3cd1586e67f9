package leioci_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// A registry on this machine that is slow to respond over http is asked over https, too. Whichever
// request is not needed has ended when the call returns: whoever called may close what logs or sends.
func TestNoRequestGoesOnAfterItsCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, store := make(chan struct{}), leiocitest.NewHandler()
		askedOnce := sync.OnceFunc(func() { close(asked) })
		var ended atomic.Bool
		c := newClient(t, leioci.WithTransport(roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.URL.Scheme == "https" {
				askedOnce()
				<-req.Context().Done()
				time.Sleep(time.Second) // which it takes to end
				ended.Store(true)
				return nil, context.Cause(req.Context())
			}
			<-asked
			recorder := httptest.NewRecorder()
			store.ServeHTTP(recorder, req)
			return recorder.Result(), nil
		})))
		ref, err := leioci.ParseReference("127.0.0.1:5000/org/lei-cache")
		must(t, err)
		if _, err := c.PullManifest(t.Context(), ref); !errors.Is(err, leioci.ErrNotFound) || !ended.Load() {
			t.Errorf("got %v, and the other request has ended: %v", err, ended.Load())
		}
	})
}
