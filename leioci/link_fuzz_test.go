package leioci_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func FuzzTagsLink(f *testing.F) {
	for _, s := range []string{
		`</v2/a/tags/list?last=a>; rel="next"`, `<`, `<>`, `<a>;`, `<a>;rel`, `<a>;rel=`, `<a>;rel="`, `<a>;rel="\`, `<a>,<b>;rel=next`, `<//b>;rel=next`,
		`<http://other.example/>; rel=next`, `<a>; anchor="#b"; rel=next`, `,,;=<a>"`, `<?%zz>;rel=next`, `<http:opaque>;rel=next`,
	} {
		f.Add(s)
	}
	reg := leiocitest.NewRegistry(f)
	var link atomic.Value // a string
	var asked atomic.Int64
	reg.On("", "", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		if r.URL.Path == "/v2/" {
			return
		}
		nth := asked.Add(1)
		if nth == 1 {
			w.Header().Set("Link", link.Load().(string))
		}
		fmt.Fprintf(w, `{"tags":["t%d"]}`, min(nth, 2))
	})
	elsewhere := roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.URL.Host != reg.Host() || req.URL.User != nil {
			f.Errorf("asked %s", req.URL)
		}
		return http.DefaultTransport.RoundTrip(req)
	})
	c, repo := newClient(f, leioci.WithTransport(elsewhere)), repository(f, reg)
	f.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	f.Fuzz(func(t *testing.T, s string) {
		link.Store(s)
		asked.Store(0)
		tags, err := c.Tags(t.Context(), repo)
		if n := asked.Load(); err == nil && len(tags) != 2 || n > 3 {
			t.Errorf("%q: got %q, %v after %d requests", s, tags, err, n)
		}
	})
}
