package leioci_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// trusting returns a verifier for a public key of testdata/signed.
func trusting(t testing.TB, files ...string) leioci.Verifier {
	t.Helper()
	var pem [][]byte
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join("testdata/signed", file))
		must(t, err)
		pem = append(pem, text)
	}
	v, err := leioci.VerifyKey(pem...)
	must(t, err)
	return v
}

// signedLayouts says which of the layouts of testdata/signed the trusted key has signed.
func signedLayouts() map[string]bool {
	return map[string]bool{"v2": true, "v3": true, "both": true, "otherkey": false, "att": false}
}

// trusts fails unless an error is what a decision calls for.
func trusts(t *testing.T, what string, err error, trusted bool) {
	t.Helper()
	if trusted && err != nil || !trusted && !errors.Is(err, leioci.ErrUntrusted) {
		t.Errorf("%s: got %v", what, err)
	}
}

func TestWhatCosignSignedIsTrustedWhereverItIs(t *testing.T) {
	c := newClient(t, leioci.WithVerifier(trusting(t, "trusted.pub")))
	for layout, trusted := range signedLayouts() {
		src := parseLocation(t, "oci-layout:testdata/signed/"+layout)
		_, err := c.PullFrom(t.Context(), src, filepath.Join(t.TempDir(), "lei"))
		trusts(t, layout+", offline", err, trusted)
		archive := parseLocation(t, "oci-archive:"+filepath.Join(t.TempDir(), "lei.tar"))
		reg := leiocitest.NewRegistry(t)
		carried := newClient(t)
		for _, to := range []leioci.Location{archive, locate(t, repository(t, reg), "")} {
			_, err := c.Copy(t.Context(), src, to)
			trusts(t, layout+", copied", err, trusted)
			_, err = carried.Copy(t.Context(), src, to)
			must(t, err)
			_, err = c.PullFrom(t.Context(), to, filepath.Join(t.TempDir(), "lei"))
			trusts(t, layout+", pulled from a copy", err, trusted)
		}
	}
}

func TestACopyThatIsRefusedWritesNothing(t *testing.T) {
	c := newClient(t, leioci.WithVerifier(trusting(t, "trusted.pub")))
	dir := filepath.Join(t.TempDir(), "lei")
	reg := leiocitest.NewRegistry(t)
	for _, opts := range [][]leioci.CopyOption{nil, {leioci.AllTags()}} {
		for _, to := range []leioci.Location{
			parseLocation(t, "oci-layout:"+dir), parseLocation(t, "oci-archive:"+dir+"/lei.tar"), locate(t, repository(t, reg), ""),
		} {
			_, err := c.Copy(t.Context(), parseLocation(t, "oci-layout:testdata/signed/att"), to, opts...)
			trusts(t, "an attestation", err, false)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a directory: %v", err)
	}
	for _, r := range reg.Requests() {
		if !strings.HasPrefix(r, "GET ") && !strings.HasPrefix(r, "HEAD ") {
			t.Errorf("sent: %s", r)
		}
	}
	_, err := newClient(t).Copy(t.Context(), parseLocation(t, "oci-layout:testdata/signed/v3"), parseLocation(t, "oci-layout:"+dir),
		leioci.AllTags(), leioci.WithVerifier(trusting(t, "other.pub", "trusted.pub")))
	trusts(t, "all tags of what is signed", err, true)
}

func TestAnImageIsTrustedByWhatIsBesideIt(t *testing.T) {
	v := leioci.WithVerifier(trusting(t, "trusted.pub"))
	for layout, trusted := range signedLayouts() {
		r, err := newClient(t).Open(t.Context(), parseLocation(t, "oci-layout:testdata/signed/"+layout))
		must(t, err)
		img, err := r.Image(t.Context(), "latest")
		must(t, err)
		dir := filepath.Join(t.TempDir(), "lei")
		res, err := leioci.Unpack(t.Context(), img, dir, v)
		trusts(t, layout, err, trusted)
		if trusted {
			held, err := leioci.Held(t.Context(), dir, v)
			must(t, err)
			if len(res.Signatures) != 1 || len(held.Signatures) != 1 || held.Digest != res.Digest {
				t.Errorf("%s: got %+v, and then %+v", layout, res, held)
			}
		}
		must(t, r.Close())
	}
	_, err := leioci.Unpack(t.Context(), packageSample(t), filepath.Join(t.TempDir(), "lei"), v)
	trusts(t, "an image that is nowhere", err, false)
}

func TestWhatADirectoryHoldsIsKnownWithoutAskingAnybody(t *testing.T) {
	trusted := leioci.WithVerifier(trusting(t, "trusted.pub"))
	dir := filepath.Join(t.TempDir(), "lei")
	if _, err := leioci.Held(t.Context(), dir); !errors.Is(err, leioci.ErrVerification) {
		t.Errorf("no directory: got %v", err)
	}
	_, err := newClient(t).PullFrom(t.Context(), parseLocation(t, "oci-layout:testdata/signed/v3"), dir)
	must(t, err)
	_, err = leioci.Held(t.Context(), dir)
	must(t, err)
	_, err = leioci.Held(t.Context(), dir, trusted)
	trusts(t, "pulled without a policy", err, false)
	_, err = newClient(t).PullFrom(t.Context(), parseLocation(t, "oci-layout:testdata/signed/v3"), dir, trusted)
	must(t, err)
	_, err = leioci.Held(t.Context(), dir, trusted)
	trusts(t, "pulled again with it", err, true)
	_, err = leioci.Held(t.Context(), dir, leioci.WithVerifier(trusting(t, "other.pub")))
	trusts(t, "asked for another", err, false)
	if _, err := leioci.Held(t.Context(), dir, leioci.MaxAge(time.Hour)); !errors.Is(err, leioci.ErrStale) {
		t.Errorf("old: got %v", err)
	}
	if _, err := leioci.Held(t.Context(), dir, leioci.AllowOlder()); err == nil {
		t.Error("an option that means nothing is accepted")
	}
	must(t, os.WriteFile(filepath.Join(dir, "cache.jsonl.gz"), []byte("x"), 0o644))
	if _, err := leioci.Held(t.Context(), dir, trusted); !errors.Is(err, leioci.ErrVerification) {
		t.Errorf("changed: got %v", err)
	}
}

func TestWithMirrorsASignatureMayBeAtAnyAndTheArtifactToo(t *testing.T) {
	img, trusted := packageSample(t), newSigner(t)
	v, err := leioci.VerifyKey(trusted.pem())
	must(t, err)
	other, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, tuesday, report))
	must(t, err)
	for name, tc := range map[string]struct {
		atMirror v1.Image
		signMain bool
		want     bool // that it is trusted, and comes from
		fromMain bool
	}{
		"the mirror has no signatures":         {img, true, true, false},
		"the mirror has another snapshot":      {other, true, true, true},
		"nobody has a signature":               {img, false, false, false},
		"another snapshot, nobody a signature": {other, false, false, false},
	} {
		main, mirror := newSignedWorld(t, img, true), newSignedWorld(t, tc.atMirror, false)
		if tc.signMain {
			signs(main, trusted)
		}
		c := newClient(t, leioci.WithMirrors(leioci.Mirror{Of: main.repo, At: mirror.repo}), leioci.WithVerifier(v))
		res, err := c.PullSnapshot(t.Context(), main.repo.Tag("latest"), filepath.Join(t.TempDir(), "lei"))
		trusts(t, name, err, tc.want)
		if tc.want && err == nil && (res.Source == main.repo) != tc.fromMain {
			t.Errorf("%s: it came from %s", name, res.Source)
		}
		if asked := mirror.fetched(other); len(asked) > 0 {
			t.Errorf("%s: the mirror was asked for %v", name, asked)
		}
	}
}

func TestASignedSnapshotThatIsOlderRollsNothingBack(t *testing.T) {
	trusted, reg := newSigner(t), leiocitest.NewRegistry(t)
	v, err := leioci.VerifyKey(trusted.pem())
	must(t, err)
	c, repo := newClient(t, leioci.WithVerifier(v)), repository(t, reg)
	dir := filepath.Join(t.TempDir(), "lei")
	for _, step := range []struct {
		date time.Time
		want error
	}{{tuesday, nil}, {monday, leioci.ErrOlder}} {
		img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, step.date, report))
		must(t, err)
		_, err = c.PushSnapshot(t.Context(), repo, []string{"latest"}, img, leioci.AllowMoveBack())
		must(t, err)
		digest, err := img.Digest()
		must(t, err)
		w := &signedWorld{t: t, reg: reg, repo: repo, digest: digest}
		signs(w, trusted)
		if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir); !errors.Is(err, step.want) {
			t.Errorf("%s: got %v", step.date.Format(time.DateOnly), err)
		}
	}
}

func TestAWatchTakesOnlyWhatIsTrusted(t *testing.T) {
	w, trusted := newSignedWorld(t, packageSample(t), true), newSigner(t)
	v, err := leioci.VerifyKey(trusted.pem())
	must(t, err)
	dir := filepath.Join(t.TempDir(), "lei")
	_, err = newClient(t).PullSnapshot(t.Context(), w.repo.Tag("latest"), dir)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	opts := leioci.WatchOptions{Pull: []leioci.PullOption{leioci.WithVerifier(v)}, Interval: time.Millisecond}
	refused := false
	for res, err := range newClient(t).Watch(ctx, w.repo.Tag("latest"), dir, opts) {
		if err == nil && (!refused || len(res.Signatures) != 1) {
			t.Errorf("got %+v", res)
		}
		if err == nil {
			break
		}
		trusts(t, "what was there before the policy", err, false)
		if !refused {
			signs(w, trusted)
		}
		refused = true
	}
}

func TestWhatKeepsASignatureFromBeingReadIsARefusal(t *testing.T) {
	img, trusted := packageSample(t), newSigner(t)
	v, err := leioci.VerifyKey(trusted.pem())
	must(t, err)
	for name, fault := range map[string]leiocitest.Fault{
		"corrupt": leiocitest.Corrupt(10), "cut off": leiocitest.Truncate(5), "gone": leiocitest.Status(http.StatusNotFound, "BLOB_UNKNOWN"),
		"denied": leiocitest.Status(http.StatusForbidden, "DENIED"), "down": leiocitest.Status(http.StatusBadGateway, ""),
	} {
		w := newSignedWorld(t, img, false)
		payload := trusted.simple(w.digest)
		w.signature(payload)
		w.reg.On("GET", "/blobs/", leiocitest.Always, fault)
		_, err := newClient(t, once(), leioci.WithVerifier(v)).PullSnapshot(t.Context(), w.repo.Tag("latest"), filepath.Join(t.TempDir(), "lei"))
		trusts(t, name, err, false)
		if asked := w.fetched(img); len(asked) > 0 {
			t.Errorf("%s: it was asked for %v", name, asked)
		}
	}
}

func TestWhatIsNotTrustedIsNotIndexed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lei")
	for _, from := range []leioci.Location{
		parseLocation(t, "oci-layout:testdata/signed/otherkey"), leioci.RegistryLocation(newSignedWorld(t, packageSample(t), false).repo.Tag("latest")),
	} {
		_, err := newClient(t).PullFrom(t.Context(), from, dir)
		must(t, err)
		_, err = newClient(t).PullFrom(t.Context(), from, dir, leioci.IndexReports(), leioci.WithVerifier(trusting(t, "trusted.pub")))
		trusts(t, from.String(), err, false)
		if _, err := os.Stat(filepath.Join(dir, "index.lei")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: there is an index: %v", from, err)
		}
	}
}
