package registry_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// mount answers the request to mount a blob, and no other.
func mount(fault leiocitest.Fault) leiocitest.Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		if r.URL.Query().Has("mount") {
			fault(w, r, registry)
			return
		}
		registry.ServeHTTP(w, r)
	}
}

// mounting mounts what is there, as registries do.
func mounting(w http.ResponseWriter, r *http.Request, registry http.Handler) {
	digest := r.URL.Query().Get("mount")
	look := httptest.NewRecorder()
	registry.ServeHTTP(look, httptest.NewRequestWithContext(r.Context(), http.MethodHead, "/v2/"+r.URL.Query().Get("from")+"/blobs/"+digest, nil))
	if look.Code != http.StatusOK {
		registry.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Location", "/v2/org/cache/blobs/"+digest)
	w.WriteHeader(http.StatusCreated)
}

// created says that the blob is there, in some words.
func created(header, value string) leiocitest.Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set(header, strings.ReplaceAll(value, "DIGEST", r.URL.Query().Get("mount")))
		w.WriteHeader(http.StatusCreated)
	}
}

// disagreeing names the blob, and another one.
func disagreeing(w http.ResponseWriter, r *http.Request, registry http.Handler) {
	w.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("0", 64))
	created("Location", "/v2/org/cache/blobs/DIGEST")(w, r, registry)
}

func TestOneRequestTellsWhetherABlobIsThereAndOpensItsUpload(t *testing.T) {
	const large = 8 << 20
	status := leiocitest.Status
	type counts [4]int // looks, openings, sendings, ends
	for name, tc := range map[string]struct {
		there, large bool
		mount        leiocitest.Fault
		look         leiocitest.Fault // for the first
		end          leiocitest.Fault
		want         counts
		fails        bool
	}{
		"it is there":                           {there: true, mount: mounting, want: counts{0, 1, 0, 0}},
		"it is not there":                       {mount: mounting, want: counts{0, 1, 1, 0}},
		"named by its digest":                   {there: true, mount: created("Docker-Content-Digest", "DIGEST"), want: counts{0, 1, 0, 0}},
		"named by a URL":                        {there: true, mount: created("Location", "https://other.example/v2/a/blobs/DIGEST"), want: counts{0, 1, 0, 0}},
		"created, without a word":               {there: true, mount: status(201, ""), want: counts{1, 1, 0, 0}},
		"created, it says of another":           {there: true, mount: created("Docker-Content-Digest", "sha256:"+strings.Repeat("0", 64)), want: counts{1, 1, 0, 0}},
		"created, as two headers disagree":      {there: true, mount: disagreeing, want: counts{1, 1, 0, 0}},
		"created without a word, and not there": {mount: status(201, ""), want: counts{1, 1, 0, 0}, fails: true},
		"a page for people":                     {mount: answer("<html>"), want: counts{0, 1, 0, 0}, fails: true},
		"unknown: 400":                          {there: true, mount: status(400, "UNSUPPORTED"), want: counts{1, 1, 0, 0}},
		"unknown: 404":                          {mount: status(404, "NAME_UNKNOWN"), want: counts{1, 2, 1, 0}},
		"unknown: 405":                          {mount: status(405, ""), want: counts{1, 2, 1, 0}},
		"unknown: 422":                          {mount: status(422, ""), want: counts{1, 2, 1, 0}},
		"unknown: 501":                          {mount: status(501, ""), want: counts{1, 2, 1, 0}},
		"it fails: 500":                         {mount: status(500, ""), want: counts{1, 2, 1, 0}},
		"it fails: 429":                         {mount: status(429, ""), want: counts{1, 2, 1, 0}},
		"it fails, and it is there":             {there: true, mount: status(503, ""), want: counts{1, 1, 0, 0}},
		"the mount is denied":                   {mount: status(403, "DENIED"), want: counts{1, 2, 1, 0}},
		"the mount is denied, and it is there":  {there: true, mount: status(403, "DENIED"), want: counts{1, 1, 0, 0}},
		"unauthorized":                          {mount: status(401, "UNAUTHORIZED"), want: counts{0, 1, 0, 0}, fails: true},
		"ignored":                               {there: true, want: counts{0, 1, 1, 0}},
		"large, and there":                      {there: true, large: true, want: counts{1, 1, 0, 1}},
		"large, there, and mounted":             {there: true, large: true, mount: mounting, want: counts{1, 1, 0, 0}},
		"large, and not there":                  {large: true, want: counts{1, 1, 1, 0}},
		"large, and the look fails":             {there: true, large: true, look: status(500, ""), want: counts{1, 1, 1, 0}},
		"large, and the session cannot be ended": {
			there: true, large: true, end: status(405, "UNSUPPORTED"), want: counts{1, 1, 0, 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				handler := sampleHandler(t)
				reg := w.network.Serve("main.localhost", handler)
				content := "new"
				if tc.large {
					content = strings.Repeat("x", large)
				}
				blob := newLayer(content)
				if tc.there {
					say(t, handler, "POST", uploads+"?digest="+blob.digest(t).String(), "application/octet-stream", content)
				}
				for method, fault := range map[string]leiocitest.Fault{http.MethodPost: tc.mount, http.MethodDelete: tc.end} {
					if fault != nil {
						if method == http.MethodPost {
							fault = mount(fault)
						}
						reg.On(method, "/blobs/", leiocitest.Always, fault)
					}
				}
				if tc.look != nil {
					reg.On(http.MethodHead, "/blobs/", 1, tc.look)
				}
				sent, err := w.client().Destination(repository(t, "main.localhost")).Upload(t.Context(), blob, blob.digest(t))
				got := counts{asked(reg, "HEAD /v2/org/cache/blobs/"), asked(reg, "POST "+uploads), asked(reg, "PUT "+uploads), asked(reg, "DELETE "+uploads)}
				if tc.large && tc.mount != nil {
					got[0] = 1 // or 0: the mount may be answered first
				}
				want := tc.want
				if tc.look != nil && got[0] == 2 { // the look was the session's first request: the opening fails with it
					want = counts{2, 0, 0, 0}
				}
				if (err != nil) != tc.fails || err == nil && sent != (want[2] > 0) {
					t.Errorf("got %v, %v", sent, err)
				}
				if got != want {
					t.Errorf("looks, openings, sendings and ends are %v, want %v:\n%s", got, want, strings.Join(reg.Requests(), "\n"))
				}
				first := reg.Requests()[1]
				if !tc.large && !strings.HasSuffix(first, "?mount="+url.QueryEscape(blob.digest(t).String())+"&from=org%2Fcache") {
					t.Errorf("the first request is %s", first)
				}
			})
		})
	}
}

func TestAPushThatIsDeniedIsDeniedForItsUpload(t *testing.T) {
	w := newWorld(t)
	reg, repo := w.serve("main.localhost")
	reg.On(http.MethodPost, uploads, leiocitest.Always, leiocitest.Status(http.StatusForbidden, "DENIED"))
	blob := newLayer("new")
	_, err := w.client().Destination(repo).Upload(t.Context(), blob, blob.digest(t))
	if err == nil || !strings.Contains(err.Error(), "open an upload: ") || !strings.Contains(err.Error(), "DENIED") {
		t.Errorf("got %v", err)
	}
	if looks, posts := asked(reg, "HEAD "), asked(reg, "POST "+uploads); looks != 1 || posts != 2 {
		t.Errorf("%d looks and %d openings", looks, posts)
	}
}

// A registry may think that a blob is there which is not, or not any more. What failed is not
// believed twice.
func TestARestoredBlobIsLookedForWhateverAMountSays(t *testing.T) {
	w := newWorld(t)
	reg, repo := w.serve("main.localhost")
	reg.On(http.MethodPost, uploads, leiocitest.Always, mount(created("Location", "/v2/org/cache/blobs/DIGEST")))
	blob, d := newLayer("new"), w.client().Destination(repo)
	if sent, err := d.Upload(t.Context(), blob, blob.digest(t)); sent || err != nil {
		t.Errorf("believed: %v, %v", sent, err)
	}
	if sent, err := d.Restore(t.Context(), blob, blob.digest(t)); !sent || err != nil {
		t.Errorf("restored: %v, %v", sent, err)
	}
	if there, err := d.HasBlob(t.Context(), blob.digest(t), 3); !there || err != nil {
		t.Errorf("it is there: %v, %v", there, err)
	}
}

func TestAnOpeningServesOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		put          leiocitest.Fault // once
		posts, sends int
	}{
		"it is sent":             {nil, 1, 1},
		"its session is too old": {leiocitest.Status(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN"), 2, 2},
		"the connection breaks":  {leiocitest.Cut(), 2, 2},
		"the response is lost":   {lost, 1, 1},
		"the registry is busy":   {leiocitest.Status(http.StatusServiceUnavailable, ""), 2, 2},
	} {
		w := newWorld(t)
		reg, repo := w.serve("main.localhost")
		if tc.put != nil {
			reg.On(http.MethodPut, uploads, 1, tc.put)
		}
		blob, d := newLayer("new"), w.client().Destination(repo)
		opening, err := d.Open(t.Context(), blob.digest(t), 3)
		must(t, err)
		if sent, err := d.Send(t.Context(), opening, blob, blob.digest(t)); !sent || err != nil {
			t.Errorf("%s: got %v, %v", name, sent, err)
		}
		if posts, sends := asked(reg, "POST "+uploads), asked(reg, "PUT "+uploads); posts != tc.posts || sends != tc.sends {
			t.Errorf("%s: %d openings and %d sendings, want %d and %d", name, posts, sends, tc.posts, tc.sends)
		}
	}
}

func TestAnAbandonedOpeningEndsItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		reg, repo := w.serve("main.localhost")
		reg.On(http.MethodPost, uploads, leiocitest.Always, leiocitest.Location(func(l string) string { return l + "?_state=a%2Fb" }))
		blob, d := newLayer("new"), w.client().Destination(repo)
		d.Abandon(t.Context(), nil)
		opening, err := d.Open(t.Context(), blob.digest(t), 3)
		must(t, err)
		d.Abandon(t.Context(), opening)
		last := reg.Requests()[len(reg.Requests())-1]
		if !strings.HasPrefix(last, "DELETE "+uploads) || !strings.HasSuffix(last, "?_state=a%2Fb") {
			t.Errorf("the last request is %s", last)
		}
		var none *registry.Opening
		d.Abandon(t.Context(), none)
	})
}

// A registry may say anything of where an upload goes on. A DELETE there must not hit anything else.
func TestOnlyAnUploadIsEnded(t *testing.T) {
	const mine = "http://main.localhost"
	for location, ended := range map[string]bool{
		uploads + "1":                              true,
		uploads + "1?_state=a%2Fb":                 true,
		"/v2/org/cache/blobs/upload/1":             true, // as GitHub's
		mine + uploads + "1":                       true,
		"http://MAIN.localhost:80" + uploads + "1": true,

		"/v2/org/cache/blobs/" + sampleDigest:          false,
		mine + "/v2/org/cache/blobs/" + sampleDigest:   false,
		"/v2/org/cache/manifests/latest":               false,
		"/v2/org/cache/":                               false,
		"/v2/org/other/blobs/uploads/1":                false,
		"/v2/org/cache/blobs/upload":                   false,
		uploads:                                        false,
		uploads + "../" + sampleDigest:                 false,
		uploads + "%2e%2e/" + sampleDigest:             false,
		uploads + "..%2f" + sampleDigest:               false,
		uploads + "manifests/latest":                   false, // of the repository org/cache/blobs/uploads
		"http://other.localhost" + uploads + "1":       false,
		"http://main.localhost:5000" + uploads + "1":   false,
		"/api/v2.0/projects/org/repositories/cache?x=": false,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			reg, repo := w.serve("main.localhost")
			other, _ := w.serve("other.localhost")
			elsewhere, _ := w.serve("main.localhost:5000")
			reg.On(http.MethodPost, uploads, 1, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				w.Header().Set("Location", location)
				w.WriteHeader(http.StatusAccepted)
			})
			blob, d := newLayer("new"), w.client().Destination(repo)
			opening, err := d.Open(t.Context(), blob.digest(t), 3)
			must(t, err)
			d.Abandon(t.Context(), opening)
			n := asked(reg, "DELETE ")
			if n > 0 != ended || asked(other, "")+asked(elsewhere, "") > 0 {
				t.Errorf("%s: %d times", location, n)
			}
		})
	}
}
