package integration

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci"
)

// TestAVerifiedPullCostsFewRequests counts them with a registry that has no referrers API.
func TestAVerifiedPullCostsFewRequests(t *testing.T) {
	skipIfExternal(t)
	command, r := buildCommand(t), serverNamed(t, "distribution 3")
	for layout, want := range map[string]struct{ plain, verified int64 }{"v2": {3, 7}, "v3": {3, 7}} {
		repo := r.repository(t)
		r.leioci(t, command, "copy", "oci-layout:"+filepath.Join(signedDir, layout), repo.String())
		if got := requestsOfAPull(t, r, repo); got != [2]int64{want.plain, 1} {
			t.Errorf("%s: %d requests without a verifier, and again", layout, got)
		}
		got := requestsOfAPull(t, r, repo, leioci.WithVerifier(trustedKey(t)))
		report(t, fmt.Sprintf("A verified pull of a snapshot in distribution 3 with a signature as in %s: %d requests, and %d again.", layout, got[0], got[1]))
		if got != [2]int64{want.verified, 1} {
			t.Errorf("%s: %d requests with a verifier, and again", layout, got)
		}
	}
}

// requestsOfAPull counts the requests of a pull, and of the same one again, by another client.
func requestsOfAPull(t *testing.T, r *registry, repo name.Repository, opts ...leioci.Option) (counts [2]int64) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "lei")
	for i := range counts {
		m := newMeter(t, r)
		// A registry on this machine that is slow to respond over http would be asked over https, too.
		c := r.client(t, append(opts, leioci.WithTransport(m), leioci.WithPlainHTTP(r.host))...)
		if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir); err != nil {
			t.Fatal(err)
		}
		counts[i] = m.requests.Load()
	}
	return counts
}
