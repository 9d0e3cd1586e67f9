package leioci_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/internal/testenv"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// TestACopyShowsNothingThatARegistryMustNotSay has the registries send what is long, secret, or moves
// what a terminal shows, at each step.
func TestACopyShowsNothingThatARegistryMustNotSay(t *testing.T) {
	storage := leiocitest.NewRegistry(t)
	storage.On("GET", "", leiocitest.Always, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("\u202e\x1b[31m" + strings.Repeat("long ", 1000)))
	})
	to := "http://user:hidden@" + storage.Host() + "/x?signature=hidden"
	for name, tc := range map[string]struct {
		atDestination bool
		path          string
		opts          []leioci.CopyOption
	}{
		"the look at a tag":           {true, "/manifests/v1", nil},
		"the look at a tag to keep":   {true, "/manifests/v1", []leioci.CopyOption{leioci.NoOverwrite()}},
		"the manifest of the source":  {false, "/manifests/v1", nil},
		"a blob of the source":        {false, "/blobs/", nil},
		"the tags that cosign makes":  {false, ".sig", nil},
		"the referrers of the source": {false, "/referrers/", nil},
	} {
		t.Run(name, func(t *testing.T) {
			src, dst := leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
			from, into := repository(t, src), repository(t, dst)
			putImage(t, from, "v1", "root", nil)
			faulty := src
			if tc.atDestination {
				faulty = dst
			}
			faulty.On("GET", tc.path, leiocitest.Always, leiocitest.Redirect(http.StatusTemporaryRedirect, to))
			var log testenv.LogBuffer
			c := newClient(t, debugLog(&log), once())
			_, err := c.Copy(t.Context(), locate(t, from, ":v1"), locate(t, into, ""), tc.opts...)
			text := log.String()
			if err != nil {
				text += err.Error()
			}
			if err == nil && text == "" {
				t.Error("nobody says that it failed")
			}
			for _, bad := range []string{"hidden", "\u202e", "\x1b", "leioci.invalid", strings.Repeat("long ", 200)} {
				if strings.Contains(text, bad) {
					t.Errorf("%q is shown in %.600q", bad, text)
				}
			}
		})
	}
}
