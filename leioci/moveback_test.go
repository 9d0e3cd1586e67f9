package leioci_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// redirectTo redirects to a path on the same registry.
func redirectTo(path string) leiocitest.Fault {
	return leiocitest.Redirect(http.StatusTemporaryRedirect, path)
}

// emptyBlob describes the empty descriptor's content (OCI image specification).
const emptyBlob = `{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}`

func TestATagThatCannotBeLookedAtIsNotMoved(t *testing.T) {
	older := leiocitest.WriteSnapshot(t, monday, `{"data":{"repo":"older"}}`)
	newer := leiocitest.WriteSnapshot(t, tuesday, `{"data":{"repo":"newer"}}`)
	img, err := leioci.Package(t.Context(), older)
	must(t, err)
	for name, tc := range map[string]struct {
		fault leiocitest.Fault
		want  error // nil for any
		says  string
	}{
		"403":                            {leiocitest.Status(http.StatusForbidden, "DENIED"), leioci.ErrDenied, "first push"},
		"403 without a code":             {leiocitest.Status(http.StatusForbidden, ""), leioci.ErrDenied, "first push"},
		"403 that means 429":             {leiocitest.Status(http.StatusForbidden, "TOOMANYREQUESTS"), nil, "skip this check"},
		"401":                            {leiocitest.Status(http.StatusUnauthorized, "UNAUTHORIZED"), leioci.ErrUnauthorized, "first push"},
		"400":                            {leiocitest.Status(http.StatusBadRequest, "UNKNOWN"), nil, "skip this check"},
		"410":                            {leiocitest.Status(http.StatusGone, ""), nil, "skip this check"},
		"429":                            {leiocitest.Status(http.StatusTooManyRequests, ""), nil, "skip this check"},
		"503":                            {leiocitest.Status(http.StatusServiceUnavailable, ""), nil, "skip this check"},
		"a page for people":              {respond(http.StatusOK, "text/html", "<html>log in</html>"), leioci.ErrUnsupportedManifest, "skip this check"},
		"nothing":                        {respond(http.StatusOK, ociManifest, ""), leioci.ErrUnsupportedManifest, "skip this check"},
		"an error with 200":              {respond(http.StatusOK, ociManifest, `{"errors":[{"code":"UNAUTHORIZED"}]}`), leioci.ErrUnsupportedManifest, "skip this check"},
		"an ambiguous manifest":          {respond(http.StatusOK, ociManifest, `{"schemaVersion":2,"config":`+emptyBlob+`,"layers":[],"layers":[]}`), leioci.ErrUnsupportedManifest, "skip this check"},
		"an image and an index at once":  {respond(http.StatusOK, ociManifest, `{"schemaVersion":2,"config":`+emptyBlob+`,"manifests":[]}`), leioci.ErrUnsupportedManifest, "skip this check"},
		"another digest than it says":    {leiocitest.Header("Docker-Content-Digest", sampleDigest), leioci.ErrVerification, "skip this check"},
		"an image that is sent as index": {leiocitest.Header("Content-Type", ociIndex), leioci.ErrUnsupportedManifest, "skip this check"},
		"404 with a page for people":     {respond(http.StatusNotFound, "text/html; charset=utf-8", "<html>not here</html>"), leioci.ErrNotFound, "skip this check"},
		"404 that means 401":             {leiocitest.Status(http.StatusNotFound, "UNAUTHORIZED"), leioci.ErrNotFound, "skip this check"},
		"404 that means 403":             {leiocitest.Status(http.StatusNotFound, "DENIED"), leioci.ErrNotFound, "skip this check"},
		"404 that means 429":             {leiocitest.Status(http.StatusNotFound, "TOOMANYREQUESTS"), nil, "skip this check"},
		"404 that means 503":             {leiocitest.Status(http.StatusNotFound, "UNAVAILABLE"), nil, "skip this check"},
		"404 that means 501":             {leiocitest.Status(http.StatusNotFound, "UNSUPPORTED"), nil, "skip this check"},
		"a storage without it":           {redirectTo("/storage"), leioci.ErrNotFound, "skip this check"},
	} {
		t.Run(name, func(t *testing.T) {
			reg := leiocitest.NewRegistry(t)
			c, repo := newClient(t), repository(t, reg)
			pushSnapshot(t, c, reg, newer, "2026-02-10", "latest")
			reg.On(http.MethodGet, "/storage", leiocitest.Always, respond(http.StatusNotFound, "application/xml", "<Error><Code>NoSuchKey</Code></Error>"))
			fault := reg.On(http.MethodGet, "/manifests/latest", leiocitest.Always, tc.fault)
			before := requestCount(reg, "PUT ")
			_, err := c.PushSnapshot(t.Context(), repo, []string{"2026-02-09", "latest"}, img)
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), "AllowMoveBack") {
				t.Errorf("got %v", err)
			}
			if fault.Hits() == 0 || requestCount(reg, "PUT ") > before {
				t.Errorf("%d hits, and the registry was asked %q", fault.Hits(), reg.Requests())
			}
			_, err = c.PushSnapshot(t.Context(), repo, []string{"2026-02-09", "latest"}, img, leioci.AllowMoveBack())
			if err != nil {
				t.Errorf("with AllowMoveBack: %v", err)
			}
		})
	}
}

func TestATagThatTheRegistrySaysIsAbsentIsMoved(t *testing.T) {
	for name, fault := range map[string]leiocitest.Fault{
		"MANIFEST_UNKNOWN": leiocitest.Status(http.StatusNotFound, "MANIFEST_UNKNOWN"),
		"NAME_UNKNOWN":     leiocitest.Status(http.StatusNotFound, "NAME_UNKNOWN"),
		"no code":          leiocitest.Status(http.StatusNotFound, ""),
		"elsewhere":        redirectTo("/elsewhere"),
	} {
		var log bytes.Buffer
		reg := leiocitest.NewRegistry(t)
		reg.On(http.MethodGet, "/elsewhere", leiocitest.Always, leiocitest.Status(http.StatusNotFound, "MANIFEST_UNKNOWN"))
		hit := reg.On(http.MethodGet, "/manifests/latest", leiocitest.Always, fault)
		pushSnapshot(t, newClient(t, logTo(&log)), reg, leiocitest.WriteSnapshot(t, monday), "2026-02-09", "latest")
		if hit.Hits() != 1 || strings.Contains(log.String(), "level=warning") {
			t.Errorf("%s: %d hits, and the log says %s", name, hit.Hits(), &log)
		}
	}
}

func TestWhatIsNoSnapshotIsNotReplacedWithoutAWord(t *testing.T) {
	for name, tc := range map[string]struct{ contentType, body, says string }{
		"an index":          {ociIndex, `{"schemaVersion":2,"mediaType":"` + ociIndex + `","manifests":[]}`, ociIndex},
		"a bare index":      {ociIndex, `{"schemaVersion":2,"manifests":[]}`, ociIndex},
		"a signed one":      {signed, `{"schemaVersion":1,"name":"a","fsLayers":[]}`, signed},
		"an artifact":       {"application/vnd.oci.artifact.manifest.v1+json", `{"mediaType":"application/vnd.oci.artifact.manifest.v1+json"}`, "artifact.manifest"},
		"another image":     {ociManifest, `{"schemaVersion":2,"mediaType":"` + ociManifest + `","config":` + emptyBlob + `,"layers":[` + emptyBlob + `]}`, "application/vnd.oci.empty.v1+json"},
		"a dated image":     {ociManifest, `{"schemaVersion":2,"config":` + emptyBlob + `,"layers":[` + emptyBlob + `],"annotations":{"org.opencontainers.image.version":"2026-02-10"}}`, ociManifest},
		"one of many words": {ociManifest, `{"mediaType":"` + strings.Repeat("a", 1<<20) + `"}`, "aaaa..."},
		"one with control":  {ociManifest, `{"mediaType":"a\u001b[31m/b"}`, `a\\x1b[31m/b`},
	} {
		var log bytes.Buffer
		reg := leiocitest.NewRegistry(t)
		reg.On(http.MethodGet, "/manifests/latest", leiocitest.Always, respond(http.StatusOK, tc.contentType, tc.body))
		pushSnapshot(t, newClient(t, logTo(&log)), reg, leiocitest.WriteSnapshot(t, monday), "2026-02-09", "latest")
		text := log.String()
		if strings.Count(text, "level=warning") != 1 || len(text) > 10_000 || !strings.Contains(text, tc.says) || !strings.Contains(text, "sha256:") || !strings.Contains(text, "org/lei-cache:latest") {
			t.Errorf("%s: the log says %s", name, text)
		}
	}
}

func TestASnapshotOfTheFutureIsNotPushedUnlessThatIsMeant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		today := time.Date(2027, 1, 5, 0, 0, 0, 0, time.UTC)
		time.Sleep(time.Until(today.Add(13 * time.Hour)))
		for days, want := range map[int]error{0: nil, 1: nil, 2: leioci.ErrFuture, 3: leioci.ErrFuture, 65000: leioci.ErrFuture} {
			date := today.AddDate(0, 0, days)
			img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, date), leioci.PackageFuture())
			must(t, err)
			before := w.requests()
			_, err = w.client.PushSnapshot(t.Context(), w.repo, []string{date.Format(time.DateOnly)}, img)
			if !errors.Is(err, want) || want != nil && w.requests() > before {
				t.Errorf("in %d days: got %v, want %v", days, err, want)
			}
			_, err = w.client.PushSnapshot(t.Context(), w.repo, []string{date.Format(time.DateOnly)}, img, leioci.PushFuture())
			must(t, err)
		}
	})
}

func TestASnapshotOfTheFutureDoesNotPinATag(t *testing.T) {
	for name, opts := range map[string][]leioci.PackageOption{
		"by its annotation": nil,
		"by its metadata":   {leioci.Annotations(map[string]string{"org.opencontainers.image.version": ""})},
	} {
		var log bytes.Buffer
		reg := leiocitest.NewRegistry(t)
		c, repo := newClient(t, logTo(&log)), repository(t, reg)
		img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, monday.AddDate(180, 0, 0)), append(opts, leioci.PackageFuture())...)
		must(t, err)
		if _, err = c.PushSnapshot(t.Context(), repo, []string{"latest"}, img); !errors.Is(err, leioci.ErrFuture) {
			t.Errorf("%s: got %v", name, err)
		}
		_, err = c.PushSnapshot(t.Context(), repo, []string{"latest"}, img, leioci.PushFuture())
		must(t, err)
		pushSnapshot(t, c, reg, leiocitest.WriteSnapshot(t, monday), "2026-02-09", "latest")
		if text := log.String(); strings.Count(text, "level=warning") != 1 || !strings.Contains(text, "2206-02-09") {
			t.Errorf("%s: the log says %s", name, text)
		}
	}
}

// Consumers go by manifest.json, and whoever looks at the tag later by the annotation.
func TestASnapshotWhoseAnnotationNamesAnotherDateIsNotPushed(t *testing.T) {
	for name, tc := range map[string]struct {
		date      time.Time
		annotated string
		want      error
	}{
		"an earlier date":           {tuesday, "2020-01-01", leioci.ErrNotSnapshot},
		"a later date":              {monday, "2026-02-10", leioci.ErrNotSnapshot},
		"of a snapshot of tomorrow": {time.Now().AddDate(1, 0, 0), "2026-02-10", leioci.ErrNotSnapshot},
		"the same":                  {tuesday, "2026-02-10", nil},
		"no date":                   {tuesday, "v1.2.3", nil},
		"nothing":                   {tuesday, "", nil},
	} {
		reg := leiocitest.NewRegistry(t)
		img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, tc.date), leioci.PackageFuture(),
			leioci.Annotations(map[string]string{"org.opencontainers.image.version": tc.annotated}))
		must(t, err)
		_, err = newClient(t).PushSnapshot(t.Context(), repository(t, reg), []string{"latest"}, img)
		if !errors.Is(err, tc.want) || err != nil && (len(reg.Requests()) > 0 || !strings.Contains(err.Error(), tc.annotated)) {
			t.Errorf("%s: got %v after %q", name, err, reg.Requests())
		}
	}
}
