package serve_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/serve"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

const hello = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // of "hello"

func TestARegistryAnswersByTheSpecification(t *testing.T) {
	manifestDigest := digestOf(rawManifest).String()
	const image, binary, text = "application/vnd.oci.image.manifest.v1+json", "application/octet-stream", "application/json"
	none := "sha256:" + strings.Repeat("0", 64)
	for path, want := range map[string]struct {
		status                    int
		body, contentType, digest string // the body of an error is its code
	}{
		"/v2/":                              {200, "{}", text, ""},
		"/v2":                               {200, "{}", text, ""},
		"/v2/org/lei/manifests/latest":      {200, rawManifest, image, manifestDigest},
		"/v2/a/manifests/2026-02-08":        {200, rawManifest, image, manifestDigest},
		"/v2/a/manifests/" + manifestDigest: {200, rawManifest, image, manifestDigest},
		"/v2/a/manifests/sha256%3A" + manifestDigest[7:]:        {200, rawManifest, image, manifestDigest},
		"/v2/a/manifests/none":                                  {404, "MANIFEST_UNKNOWN", text, ""},
		"/v2/a/manifests/" + none:                               {404, "MANIFEST_UNKNOWN", text, ""},
		"/v2/a/manifests/.INVALID":                              {404, "MANIFEST_UNKNOWN", text, ""},
		"/v2/a/manifests/":                                      {404, "MANIFEST_UNKNOWN", text, ""},
		"/v2/a/blobs/" + hello:                                  {200, "hello", binary, hello},
		"/v2/a/blobs/" + none:                                   {404, "BLOB_UNKNOWN", text, ""},
		"/v2/a/blobs/sha256:123":                                {400, "DIGEST_INVALID", text, ""},
		"/v2/a/blobs/md5:" + none[7:]:                           {400, "DIGEST_INVALID", text, ""},
		"/v2/a/blobs/uploads/":                                  {404, "BLOB_UPLOAD_UNKNOWN", text, ""},
		"/v2/a/blobs/uploads/1":                                 {404, "BLOB_UPLOAD_UNKNOWN", text, ""},
		"/v2/a/tags/list":                                       {200, `{"name":"a","tags":["2026-02-08","latest","Weekly"]}`, text, ""},
		"/v2/a/tags/list?n=9":                                   {200, `{"name":"a","tags":["2026-02-08","latest","Weekly"]}`, text, ""},
		"/v2/a/tags/list?n=0":                                   {200, `{"name":"a","tags":[]}`, text, ""},
		"/v2/a/tags/list?last=latest":                           {200, `{"name":"a","tags":["Weekly"]}`, text, ""},
		"/v2/a/tags/list?last=Weekly":                           {200, `{"name":"a","tags":[]}`, text, ""},
		"/v2/a/tags/list?last=weekly":                           {200, `{"name":"a","tags":[]}`, text, ""},
		"/v2/a/tags/list?last=M":                                {200, `{"name":"a","tags":["Weekly"]}`, text, ""},
		"/v2/a/tags/list?last=a":                                {200, `{"name":"a","tags":["latest","Weekly"]}`, text, ""},
		"/v2/a/tags/list?last=z":                                {200, `{"name":"a","tags":[]}`, text, ""},
		"/v2/a/tags/list?n=-1":                                  {400, "UNSUPPORTED", text, ""},
		"/v2/a/tags/list?n=-99999999999999999999":               {400, "UNSUPPORTED", text, ""},
		"/v2/a/tags/list?n=99999999999999999999":                {200, `{"name":"a","tags":["2026-02-08","latest","Weekly"]}`, text, ""},
		"/v2/a/tags/list?n=x":                                   {400, "UNSUPPORTED", text, ""},
		"/v2/a/referrers/" + none:                               {200, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`, "application/vnd.oci.image.index.v1+json", ""},
		"/v2/a/referrers/latest":                                {400, "DIGEST_INVALID", text, ""},
		"/v2/A/manifests/latest":                                {400, "NAME_INVALID", text, ""},
		"/v2//manifests/latest":                                 {400, "NAME_INVALID", text, ""},
		"/v2/a__b--c.d/manifests/latest":                        {200, rawManifest, image, manifestDigest},
		"/v2/a___b/manifests/latest":                            {400, "NAME_INVALID", text, ""},
		"/v2/" + strings.Repeat("a", 255) + "/manifests/latest": {200, rawManifest, image, manifestDigest},
		"/v2/" + strings.Repeat("a", 256) + "/manifests/latest": {400, "NAME_INVALID", text, ""},
		"/v2/manifests/latest":                                  {400, "NAME_INVALID", text, ""},
		"/v2/_catalog":                                          {404, "NAME_UNKNOWN", text, ""},
		"/v2x/a/manifests/latest":                               {404, "NAME_UNKNOWN", text, ""},
		"/v2a/manifests/latest":                                 {404, "NAME_UNKNOWN", text, ""},
		"/":                                                     {404, "NAME_UNKNOWN", text, ""},
		"/v1/":                                                  {404, "NAME_UNKNOWN", text, ""},
		// Paths that climb, or that can be written in another way.
		"/v2/../v2/a/manifests/latest":                            {400, "NAME_INVALID", text, ""},
		"/v2/a/../../../etc/manifests/latest":                     {400, "NAME_INVALID", text, ""},
		"/v2/a/manifests/../latest":                               {404, "NAME_UNKNOWN", text, ""},
		"/v2/a/manifests/..":                                      {404, "MANIFEST_UNKNOWN", text, ""},
		"/v2/a/blobs/../../../../etc/passwd":                      {404, "NAME_UNKNOWN", text, ""},
		"/v2/a/blobs/..%2f..%2fetc%2fpasswd":                      {404, "NAME_UNKNOWN", text, ""},
		"/v2/a%2Fb/manifests/latest":                              {404, "NAME_UNKNOWN", text, ""},
		"/v2/a/manifests/lat%00est":                               {404, "MANIFEST_UNKNOWN", text, ""},
		"/v2/a%00/manifests/latest":                               {400, "NAME_INVALID", text, ""},
		"/v2/a%0d%0aX-Evil:1/manifests/latest":                    {400, "NAME_INVALID", text, ""},
		"/v2/a//b/manifests/latest":                               {400, "NAME_INVALID", text, ""},
		"/v2/a/manifests/latest/":                                 {404, "NAME_UNKNOWN", text, ""},
		"/v2/" + strings.Repeat("a/", 1<<19) + "manifests/latest": {404, "NAME_UNKNOWN", text, ""},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			h := serve.New(newMemory("hello"), "", discard())
			resp := do(h, method, path)
			got := body(t, resp)
			path := path[:min(len(path), 100)]
			if resp.StatusCode != want.status || resp.Header.Get("Content-Type") != want.contentType || resp.Header.Get("Docker-Content-Digest") != want.digest {
				t.Errorf("%s %s: %d %v", method, path, resp.StatusCode, resp.Header)
			}
			if length, err := strconv.Atoi(resp.Header.Get("Content-Length")); err != nil || method == http.MethodGet && length != len(got) || length == 0 {
				t.Errorf("%s %s: length %d of %d, %v", method, path, length, len(got), err)
			}
			if want.digest != "" && resp.Header.Get("Etag") != strconv.Quote(want.digest) {
				t.Errorf("%s %s: tag %q", method, path, resp.Header.Get("Etag"))
			}
			if method == http.MethodGet && want.status == http.StatusOK && got != want.body || method == http.MethodGet && want.status != http.StatusOK && code(t, got) != want.body {
				t.Errorf("%s: %.200s", path, got)
			}
		}
	}
}

// code returns the code of an error.
func code(t *testing.T, body string) string {
	t.Helper()
	var e struct {
		Errors []struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil || len(e.Errors) != 1 || e.Errors[0].Message == "" {
		t.Errorf("%v: %.200s", err, body)
		return ""
	}
	return e.Errors[0].Code
}

func TestARegistryThatIsOnlyReadAcceptsNothing(t *testing.T) {
	for _, path := range []string{
		"/v2/", "/v2/a/manifests/latest", "/v2/a/manifests/new", "/v2/a/blobs/" + hello, "/v2/a/blobs/uploads/", "/v2/a/blobs/uploads/1",
		"/v2/a/blobs/uploads/?mount=" + hello + "&from=b", "/v2/a/tags/list", "/", "/v2/..",
	} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "NONSENSE"} {
			resp := do(serve.New(newMemory("hello"), "", discard()), method, path)
			if got := body(t, resp); resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, HEAD" || code(t, got) != "UNSUPPORTED" {
				t.Errorf("%s %s: %d %v %s", method, path, resp.StatusCode, resp.Header, got)
			}
		}
	}
}

func TestOneNameMayBeTheOnlyOne(t *testing.T) {
	h := serve.New(newMemory("hello"), "org/lei", discard())
	for path, want := range map[string]int{
		"/v2/": 200, "/v2/org/lei/manifests/latest": 200, "/v2/org/lei/blobs/" + hello: 200, "/v2/org/lei/tags/list": 200,
		"/v2/org/other/manifests/latest": 404, "/v2/org/manifests/latest": 404, "/v2/org/other/blobs/" + hello: 404, "/v2/lei/tags/list": 404, "/v2/lei/referrers/" + hello: 404,
	} {
		resp := do(h, "GET", path)
		if got := body(t, resp); resp.StatusCode != want || want == 404 && code(t, got) != "NAME_UNKNOWN" {
			t.Errorf("%s: %d %s", path, resp.StatusCode, got)
		}
	}
}

func TestTagsComeInPages(t *testing.T) {
	h := serve.New(newMemory(), "", discard())
	var all []string
	for url, pages := "/v2/org/lei/tags/list?n=1", 0; url != ""; pages++ {
		if pages > 3 {
			t.Fatal("there is no end")
		}
		resp := do(h, "GET", url)
		var list struct{ Tags []string }
		must(t, json.Unmarshal([]byte(body(t, resp)), &list))
		all = append(all, list.Tags...)
		url = strings.TrimPrefix(strings.TrimSuffix(resp.Header.Get("Link"), `>; rel="next"`), "<")
	}
	if strings.Join(all, " ") != "2026-02-08 latest Weekly" {
		t.Errorf("got %q", all)
	}
}

func TestReferrersAreFilteredByTheirType(t *testing.T) {
	m := newMemory()
	for _, artifactType := range []string{"a/sbom", "a/signature", "a/sbom"} {
		m.referring = append(m.referring, v1.Descriptor{Digest: digestOf(artifactType), ArtifactType: artifactType, Annotations: map[string]string{"k": "v"}})
	}
	for query, want := range map[string]int{"": 3, "?artifactType=a/sbom": 2, "?artifactType=a%2Fsignature": 1, "?artifactType=other": 0, "?artifactType=": 0} {
		resp := do(serve.New(m, "", discard()), "GET", "/v2/a/referrers/"+hello+query)
		index, err := v1.ParseIndexManifest(strings.NewReader(body(t, resp)))
		if err != nil || len(index.Manifests) != want || index.SchemaVersion != 2 {
			t.Errorf("%q: %+v, %v", query, index, err)
		}
		if filtered := resp.Header.Get("Oci-Filters-Applied"); (filtered == "artifactType") != (query != "") {
			t.Errorf("%q: filters %q", query, filtered)
		}
	}
	if len(m.referring) != 3 {
		t.Error("the place's own list was changed")
	}
}

func TestALongListOfReferrersComesInPages(t *testing.T) {
	m := newMemory()
	for i := range 9 {
		m.referring = append(m.referring, v1.Descriptor{
			Digest: digestOf(strconv.Itoa(i)), ArtifactType: []string{"a/b", "c+d"}[i%2],
			Annotations: map[string]string{"k": strings.Repeat("<", 150_000)}, // each six bytes in JSON
		})
	}
	m.referring[4].Annotations["k"] = strings.Repeat("x", 5<<20) // more than a page has
	for query, want := range map[string]int{"": 9, "?artifactType=c%2Bd": 4} {
		h, seen := serve.New(m, "", discard()), map[v1.Hash]bool{}
		for url, pages := "/v2/a/referrers/"+hello+query, 0; url != ""; pages++ {
			if pages > want {
				t.Fatal("there is no end")
			}
			resp := do(h, "GET", url)
			text := body(t, resp)
			index, err := v1.ParseIndexManifest(strings.NewReader(text))
			if err != nil || len(text) > 4<<20 && len(index.Manifests) != 1 {
				t.Fatalf("%q: %d bytes, %v", url, len(text), err)
			}
			for _, d := range index.Manifests {
				seen[d.Digest] = true
			}
			url = strings.TrimPrefix(strings.TrimSuffix(resp.Header.Get("Link"), `>; rel="next"`), "<")
		}
		if len(seen) != want {
			t.Errorf("%q: %d of %d", query, len(seen), want)
		}
	}
}

// TestPagesOfReferrersFollowEachOtherWhileTheListChanges removes the last of a page, and has the rest
// in another order, before the next page is asked for.
func TestPagesOfReferrersFollowEachOtherWhileTheListChanges(t *testing.T) {
	m, times := newMemory(), map[v1.Hash]int{}
	for i := range 7 {
		m.referring = append(m.referring, v1.Descriptor{
			Digest: digestOf(strconv.Itoa(i)), Annotations: map[string]string{"k": strings.Repeat("x", 1<<20)},
		})
	}
	h := serve.New(m, "", discard())
	for url := "/v2/a/referrers/" + hello; url != ""; {
		resp := do(h, "GET", url)
		index, err := v1.ParseIndexManifest(strings.NewReader(body(t, resp)))
		if err != nil || len(index.Manifests) == 0 {
			t.Fatalf("%q: %v, %v", url, index, err)
		}
		for _, d := range index.Manifests {
			times[d.Digest]++
		}
		last := index.Manifests[len(index.Manifests)-1].Digest
		m.referring = slices.DeleteFunc(m.referring, func(d v1.Descriptor) bool { return d.Digest == last })
		slices.Reverse(m.referring)
		url = strings.TrimPrefix(strings.TrimSuffix(resp.Header.Get("Link"), `>; rel="next"`), "<")
	}
	for i := range 7 {
		if n := times[digestOf(strconv.Itoa(i))]; n != 1 {
			t.Errorf("%d was listed %d times", i, n)
		}
	}
}

func TestWhatCannotBeReadIsNoSuccessAndTellsNoPaths(t *testing.T) {
	for _, path := range []string{"/v2/a/manifests/latest", "/v2/a/blobs/" + hello, "/v2/a/tags/list", "/v2/a/referrers/" + hello} {
		for err, want := range map[error]int{
			errDisk: 503,
			errors.Join(errors.New("/secret/path"), errdef.ErrVerification): 500,
			errors.Join(errors.New("/secret/path"), errdef.ErrTooLarge):     500,
			// The place has gone. A client does not ask again for what is not found.
			errors.Join(errors.New("/secret/path"), errdef.ErrNotFound): 503,
		} {
			m := newMemory("hello")
			m.err = err
			h, log := logged(m, "")
			resp := do(h, "GET", path)
			if got := body(t, resp); resp.StatusCode != want || code(t, got) == "" || strings.Contains(got, "secret") || !strings.Contains(log.String(), "/secret/path") {
				t.Errorf("%s, %v: %d %s, log %s", path, err, resp.StatusCode, got, log)
			}
		}
	}
}

func TestABlobIsNeverShortWithoutAnError(t *testing.T) {
	content := strings.Repeat("x", 1<<20)
	for name, err := range map[string]error{"a disk that fails": errDisk, "an early end": errEnd} {
		m := newMemory(content)
		m.wrap = func(f store.File) store.File { return &breaking{f, 100_000, err} }
		for _, rangeHeader := range []string{"", "bytes=10-", "bytes=0-10,20-900000"} {
			h, _ := logged(m, "")
			req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+listen(t, h)+"/v2/a/blobs/"+digestOf(content).String(), nil)
			must(t, err)
			if rangeHeader != "" {
				req.Header.Set("Range", rangeHeader)
			}
			resp, err := http.DefaultClient.Do(req)
			must(t, err)
			if n, err := readAll(resp); err == nil {
				t.Errorf("%s, %q: %d bytes and no error", name, rangeHeader, n)
			}
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestNoSecretIsLogged(t *testing.T) {
	h, log := logged(newMemory("hello"), "")
	resp := do(h, "GET", "/v2/a/blobs/"+hello+"?token=s3cret", "Authorization", "Bearer s3cret", "Cookie", "s3cret")
	must(t, resp.Body.Close())
	resp = do(h, "GET", "/v2/%1b%0aadmin/manifests/latest")
	must(t, resp.Body.Close())
	if text := log.String(); strings.Contains(text, "s3cret") || strings.ContainsAny(text, "\x1b") || !strings.Contains(text, "/v2/a/blobs/") {
		t.Errorf("logged: %s", text)
	}
}
