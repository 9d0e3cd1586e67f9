package serve_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/serve"
)

// FuzzRequests sends anything. Nothing panics, nothing but what is there is a success, and whatever
// names it by another path is not.
func FuzzRequests(f *testing.F) {
	for _, path := range []string{"/v2/", "/v2/a/manifests/latest", "/v2/a/blobs/" + hello, "/v2/a/tags/list", "/v2/a/referrers/" + hello, "/v2/a%2f../blobs/" + hello} {
		f.Add("GET", path, "n=1&last=a", "bytes=0-1,3-", `"`+hello+`"`)
	}
	f.Add("PUT", "/v2/a/blobs/uploads/", "", "", "")
	f.Fuzz(func(t *testing.T, method, path, query, ranges, match string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || method == "" || strings.ContainsAny(method, " \x00\r\n") {
			t.Skip()
		}
		u.RawQuery = query
		r := &http.Request{Method: method, URL: u, Header: http.Header{"Range": {ranges}, "If-Range": {match}, "If-None-Match": {match}}}
		w := httptest.NewRecorder()
		m := newMemory("hello")
		serve.New(m, "", discard()).ServeHTTP(w, r.WithContext(t.Context()))
		read := method == http.MethodGet || method == http.MethodHead
		switch known := w.Code == 200 || w.Code == 206 || w.Code == 304; {
		case known != (w.Code < 400), known && !read, !read && w.Code != 405, w.Code >= 500:
			t.Errorf("%q %q: %d", method, path, w.Code)
		case known && u.Path != "/v2" && !strings.HasPrefix(u.Path, "/v2/"), known && strings.Contains(u.Path, ".."):
			t.Errorf("%q: %d", path, w.Code)
		case w.Code == 200 && method == "GET" && strings.Contains(u.Path, "/blobs/") && w.Body.String() != "hello":
			t.Errorf("%q: %q", path, w.Body)
		}
	})
}
