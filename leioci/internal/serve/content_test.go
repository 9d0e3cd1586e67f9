package serve_test

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/serve"
)

var errEnd = io.EOF

func readAll(resp *http.Response) (int64, error) {
	defer resp.Body.Close()
	return io.Copy(io.Discard, resp.Body)
}

func TestRangesOfABlobAreThoseOfHTTP(t *testing.T) {
	h := serve.New(newMemory("hello"), "", discard())
	for name, tc := range map[string]struct {
		headers []string
		status  int
		body    string // or the parts, separated by a bar
		ranges  string // Content-Range
	}{
		"none":                      {nil, 200, "hello", ""},
		"the beginning":             {[]string{"Range", "bytes=0-1"}, 206, "he", "bytes 0-1/5"},
		"the rest":                  {[]string{"Range", "bytes=3-"}, 206, "lo", "bytes 3-4/5"},
		"the end":                   {[]string{"Range", "bytes=-2"}, 206, "lo", "bytes 3-4/5"},
		"more than the end":         {[]string{"Range", "bytes=-9"}, 206, "hello", "bytes 0-4/5"},
		"beyond the end":            {[]string{"Range", "bytes=4-99"}, 206, "o", "bytes 4-4/5"},
		"after the end":             {[]string{"Range", "bytes=5-"}, 416, "", "bytes */5"},
		"two":                       {[]string{"Range", "bytes=0-0,4-4"}, 206, "h|o", ""},
		"backwards":                 {[]string{"Range", "bytes=3-1"}, 416, "", ""},
		"nonsense":                  {[]string{"Range", "bytes=x"}, 416, "", ""},
		"another unit":              {[]string{"Range", "lines=1-2"}, 200, "hello", ""}, // RFC 9110, 14.2: it is ignored
		"overflow":                  {[]string{"Range", "bytes=0-99999999999999999999"}, 416, "", ""},
		"of this blob":              {[]string{"Range", "bytes=1-1", "If-Range", `"` + hello + `"`}, 206, "e", "bytes 1-1/5"},
		"of another":                {[]string{"Range", "bytes=1-1", "If-Range", `"other"`}, 200, "hello", ""},
		"of a time":                 {[]string{"Range", "bytes=1-1", "If-Range", "Wed, 25 Nov 2026 00:00:00 GMT"}, 200, "hello", ""},
		"not if it is known":        {[]string{"If-None-Match", `"` + hello + `"`}, 304, "", ""},
		"not if it is another":      {[]string{"If-Match", `"other"`}, 412, "", ""},
		"a flood":                   {[]string{"Range", "bytes=" + strings.Repeat("0-0,", 100_000) + "0-0"}, 200, "hello", ""},
		"a flood in several fields": {[]string{"Range", "bytes=0-0", "Range", strings.Repeat("0-0,", 100)}, 200, "hello", ""},
	} {
		t.Run(name, func(t *testing.T) {
			resp := do(h, http.MethodGet, "/v2/a/blobs/"+hello, tc.headers...)
			if resp.StatusCode != tc.status || tc.ranges != "" && resp.Header.Get("Content-Range") != tc.ranges {
				t.Errorf("%d %v", resp.StatusCode, resp.Header)
			}
			if resp.StatusCode >= 400 {
				return
			}
			got := ""
			if mediaType, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && strings.HasPrefix(mediaType, "multipart/") {
				parts := multipart.NewReader(resp.Body, params["boundary"])
				for part, err := parts.NextPart(); err == nil; part, err = parts.NextPart() {
					b, err := io.ReadAll(part)
					must(t, err)
					got += "|" + string(b)
				}
				got = got[1:]
			} else {
				got = body(t, resp)
			}
			if got != tc.body {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestHEADHasNoRanges(t *testing.T) {
	h := serve.New(newMemory("hello"), "", discard())
	for _, path := range []string{"/v2/a/blobs/" + hello, "/v2/a/manifests/latest"} {
		whole := do(h, http.MethodHead, path)
		must(t, whole.Body.Close())
		part := do(h, http.MethodHead, path, "Range", "bytes=1-2")
		must(t, part.Body.Close())
		if part.StatusCode != http.StatusOK || part.ContentLength != whole.ContentLength || part.Header.Get("Content-Range") != "" {
			t.Errorf("%s: %d %v", path, part.StatusCode, part.Header)
		}
	}
}

func TestABlobWithoutContentIsWhole(t *testing.T) {
	h := serve.New(newMemory(""), "", discard())
	for _, headers := range [][]string{nil, {"Range", "bytes=0-"}, {"Range", "bytes=-1"}} {
		resp := do(h, http.MethodGet, fmt.Sprintf("/v2/a/blobs/%s", digestOf("")), headers...)
		if got := body(t, resp); got != "" || resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusRequestedRangeNotSatisfiable {
			t.Errorf("%q: %d %q", headers, resp.StatusCode, got)
		}
	}
}
