package leioci_test

import (
	"fmt"
	"net/http"
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
	link := ""
	asked := 0
	reg.On("", "", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		if r.URL.Path == "/v2/" {
			return
		}
		if asked++; asked == 1 {
			w.Header().Set("Link", link)
		}
		fmt.Fprintf(w, `{"tags":["t%d"]}`, min(asked, 2))
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
		link, asked = s, 0
		tags, err := c.Tags(t.Context(), repo)
		if err == nil && len(tags) != 2 || asked > 3 {
			t.Errorf("%q: got %q, %v after %d requests", s, tags, err, asked)
		}
	})
}
