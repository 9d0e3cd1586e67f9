package leioci_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestAManifestWithASubjectIsListedAsItsReferrer(t *testing.T) {
	manifest, blobs := sample(t)
	subject := `{"subject":{"mediaType":"` + ociManifest + `","digest":"` + sampleDigest + `","size":931},`
	referring := []byte(strings.Replace(string(manifest), "{", subject, 1))
	fallback := "PUT /v2/org/lei-cache/manifests/" + strings.Replace(sampleDigest, ":", "-", 1)
	for name, tc := range map[string]struct {
		fault leiocitest.Fault
		lists int
		warns bool
	}{
		"by the client":   {none, 1, false},
		"by the registry": {leiocitest.Header("OCI-Subject", sampleDigest), 0, false},
		"by nobody": {func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
			if strings.Contains(r.URL.Path, "/manifests/sha256-") {
				leiocitest.Status(http.StatusForbidden, "DENIED")(w, r, nil)
				return
			}
			registry.ServeHTTP(w, r)
		}, 1, true}, // the tag is put, so that is no failure
	} {
		var log bytes.Buffer
		reg := leiocitest.NewRegistry(t)
		reg.On(http.MethodPut, "/manifests/", leiocitest.Always, tc.fault)
		c, repo := newClient(t, logTo(&log)), repository(t, reg)
		if _, err := c.Push(t.Context(), repo, []string{"latest"}, referring, blobs); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := requestCount(reg, fallback); n != tc.lists {
			t.Errorf("%s: the list was put %d times, want %d: %q", name, n, tc.lists, reg.Requests())
		}
		if warns := strings.Contains(log.String(), "level=warning"); warns != tc.warns {
			t.Errorf("%s: the log says %s", name, &log)
		}
	}
}
