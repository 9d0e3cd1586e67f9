package leioci_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// fetched returns which files of the snapshot were asked for.
func (w *signedWorld) fetched(img v1.Image) (asked []string) {
	m, err := img.Manifest()
	must(w.t, err)
	for _, r := range w.reg.Requests() {
		for _, l := range m.Layers {
			if strings.HasPrefix(r, "GET ") && strings.HasSuffix(r, l.Digest.String()) {
				asked = append(asked, r)
			}
		}
	}
	return asked
}

func TestWhatIsNotSignedByATrustedKeyIsRefusedBeforeItIsFetched(t *testing.T) {
	img := packageSample(t)
	trusted, other := newSigner(t), newSigner(t)
	for _, api := range []bool{true, false} {
		for name, attack := range attacks() {
			t.Run(map[bool]string{true: "referrers API, ", false: "referrers tag, "}[api]+name, func(t *testing.T) {
				w := newSignedWorld(t, img, api)
				attack.do(w, trusted, other)
				v, err := leioci.VerifyKey(trusted.pem())
				must(t, err)
				c, ref, dir := newClient(t, leioci.WithVerifier(v)), w.repo.Tag("latest"), filepath.Join(t.TempDir(), "lei")
				if _, err := c.PullSnapshot(t.Context(), ref, dir); !errors.Is(err, leioci.ErrUntrusted) {
					t.Errorf("PullSnapshot: got %v", err)
				}
				if _, err := c.PullManifest(t.Context(), ref); !errors.Is(err, leioci.ErrUntrusted) {
					t.Errorf("PullManifest: got %v", err)
				}
				if _, err := c.Image(t.Context(), w.repo.Digest(w.digest.String())); !errors.Is(err, leioci.ErrUntrusted) {
					t.Errorf("Image: got %v", err)
				}
				if asked := w.fetched(img); len(asked) > 0 {
					t.Errorf("before that, it was asked for %v", asked)
				}
				if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("there is a directory: %v", err)
				}
				attack.good(w, trusted)
				res, err := c.PullSnapshot(t.Context(), ref, dir)
				must(t, err)
				if len(res.Signatures) != 1 || !strings.HasPrefix(res.Signatures[0].Signer, "sha256:") {
					t.Errorf("signed: %v", res.Signatures)
				}
			})
		}
	}
}

func TestAVerifiedPullThatIsRepeatedIsOneRequest(t *testing.T) {
	w, trusted := newSignedWorld(t, packageSample(t), false), newSigner(t)
	refers(w, trusted)
	v, err := leioci.VerifyKey(trusted.pem(), newSigner(t).pem())
	must(t, err)
	dir := filepath.Join(t.TempDir(), "lei")
	first, err := newClient(t).PullSnapshot(t.Context(), w.repo.Tag("latest"), dir, leioci.WithVerifier(v))
	must(t, err)
	before := len(w.reg.Requests())
	again, err := newClient(t).PullSnapshot(t.Context(), w.repo.Tag("latest"), dir, leioci.WithVerifier(v))
	must(t, err)
	if n := len(w.reg.Requests()) - before; n != 1 {
		t.Errorf("%d requests: %v", n, w.reg.Requests()[before:])
	}
	if !again.UpToDate || len(again.Signatures) != 1 || again.Signatures[0] != first.Signatures[0] {
		t.Errorf("got %+v", again)
	}
}

func TestWhatIsThereWasVerifiedUnderThisPolicyOrIsVerifiedNow(t *testing.T) {
	trusted, other := newSigner(t), newSigner(t)
	w := newSignedWorld(t, packageSample(t), false)
	under := func(v leioci.Verifier, err error) leioci.PullOption {
		must(t, err)
		return leioci.WithVerifier(v)
	}
	trust, another := under(leioci.VerifyKey(trusted.pem())), under(leioci.VerifyKey(other.pem()))
	both := under(leioci.VerifyAllKeys(trusted.pem(), other.pem()))
	dir := filepath.Join(t.TempDir(), "lei")
	pull := func(opts ...leioci.PullOption) error {
		_, err := newClient(t).PullSnapshot(t.Context(), w.repo.Tag("latest"), dir, opts...)
		return err
	}
	check := func(when string, want error, opts ...leioci.PullOption) {
		t.Helper()
		if err := pull(opts...); !errors.Is(err, want) {
			t.Errorf("%s: got %v", when, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "cache.jsonl.gz")); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	check("without a policy", nil)
	check("unsigned, pulled before the policy", leioci.ErrUntrusted, trust)
	signs(w, trusted)
	check("signed since", nil, trust)
	check("without a policy again", nil)
	check("under another policy", leioci.ErrUntrusted, another)
	check("under both", leioci.ErrUntrusted, trust, another)
	check("when both have to sign", leioci.ErrUntrusted, both)
	check("under the first", nil, trust)
	w.signature(trusted.simple(w.digest), other.simple(w.digest))
	check("signed by both", nil, both)
	check("signed by both, and each is asked for", nil, trust, another)
	check("signed by both, and the other is asked for", nil, another)
	must(t, os.WriteFile(filepath.Join(dir, "oci-verified.json"), []byte("{"), 0o644))
	w.signature()
	check("what is remembered is damaged", leioci.ErrUntrusted, another)
}

func TestAVerifierThatFailsOrHangsIsARefusal(t *testing.T) {
	w := newSignedWorld(t, packageSample(t), true)
	ref, dir := w.repo.Tag("latest"), filepath.Join(t.TempDir(), "lei")
	broken := errors.New("broken")
	_, err := newClient(t).PullSnapshot(t.Context(), ref, dir, leioci.WithVerifier(verifierFunc(func(context.Context, *leioci.Subject) error {
		return broken
	})))
	if !errors.Is(err, leioci.ErrUntrusted) || !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	for name, verify := range map[string]verifierFunc{
		"it obeys its context": func(ctx context.Context, _ *leioci.Subject) error { <-ctx.Done(); return ctx.Err() },
		"it does not":          func(context.Context, *leioci.Subject) error { <-t.Context().Done(); return nil },
		"it says yes too late": func(ctx context.Context, _ *leioci.Subject) error { <-ctx.Done(); return nil },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		asked := make(chan struct{})
		go func() { <-asked; cancel() }()
		_, err := newClient(t).PullSnapshot(ctx, ref, dir, leioci.WithVerifier(verifierFunc(func(ctx context.Context, s *leioci.Subject) error {
			close(asked)
			return verify(ctx, s)
		})))
		if !errors.Is(err, leioci.ErrUntrusted) || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, verify := range map[string]verifierFunc{
		"it panics":             func(context.Context, *leioci.Subject) error { panic("verifier") },
		"it ends its goroutine": func(context.Context, *leioci.Subject) error { runtime.Goexit(); return nil },
	} {
		_, err := newClient(t).PullSnapshot(t.Context(), ref, dir, leioci.WithVerifier(verify))
		if !errors.Is(err, leioci.ErrUntrusted) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := leioci.New(leioci.WithVerifier(nil)); err == nil {
		t.Error("no verifier is taken for one")
	}
	if _, err := newClient(t).PullSnapshot(t.Context(), ref, dir, leioci.WithVerifier((*leioci.Policy)(nil))); err == nil {
		t.Error("a nil one is taken for one")
	}
}

type verifierFunc func(context.Context, *leioci.Subject) error

func (f verifierFunc) Verify(ctx context.Context, s *leioci.Subject) error { return f(ctx, s) }

func TestARegistryThatLiesAboutReferrersGainsNothing(t *testing.T) {
	img, trusted := packageSample(t), newSigner(t)
	for name, fault := range map[string]leiocitest.Fault{
		"404":                        leiocitest.Status(http.StatusNotFound, ""),
		"405":                        leiocitest.Status(http.StatusMethodNotAllowed, "UNSUPPORTED"),
		"500":                        leiocitest.Status(http.StatusInternalServerError, ""),
		"403":                        leiocitest.Status(http.StatusForbidden, "DENIED"),
		"no answer":                  leiocitest.Hang(nil),
		"an empty list":              responds(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`),
		"a list of null":             responds(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":null}`),
		"no list":                    responds(`<html>`),
		"what is not there":          responds(list(another().String())),
		"the snapshot itself":        responds(list("sha256:" + strings.Repeat("1", 64))),
		"a thousand that are absent": responds(list(strings.Split(strings.Repeat(another().String()+" ", 1000), " ")[:1000]...)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // where waiting for a stall takes no time, and nothing else stalls
				time.Sleep(time.Until(newer))
				w, transport := newSignedNetwork(t, img)
				w.reg.On("", "/referrers/", leiocitest.Always, fault)
				v, err := leioci.VerifyKey(trusted.pem())
				must(t, err)
				c := newClient(t, leioci.WithTransport(transport), leioci.WithVerifier(v))
				dir := filepath.Join(t.TempDir(), "lei")
				if _, err := c.PullSnapshot(t.Context(), w.repo.Tag("latest"), dir); !errors.Is(err, leioci.ErrUntrusted) {
					t.Errorf("got %v", err)
				}
				if asked := w.fetched(img); len(asked) > 0 {
					t.Errorf("before that, it was asked for %v", asked)
				}
				signs(w, trusted)
				if _, err := c.PullSnapshot(t.Context(), w.repo.Tag("latest"), dir); err != nil {
					t.Errorf("with a signature elsewhere: %v", err)
				}
			})
		})
	}
}

// list is an index of descriptors.
func list(digests ...string) string {
	descriptors := make([]string, len(digests))
	for i, d := range digests {
		descriptors[i] = `{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":100,"digest":"` + d + `","artifactType":"` + bundleType + `"}`
	}
	return `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[` + strings.Join(descriptors, ",") + `]}`
}

// responds is a fault that responds with a list of referrers.
func responds(text string) leiocitest.Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
		_, _ = w.Write([]byte(text))
	}
}

func TestDescriptorsThatAreTypedAsEmptyAreLookedInto(t *testing.T) {
	w, trusted := newSignedWorld(t, packageSample(t), false), newSigner(t)
	w.refer("application/vnd.oci.empty.v1+json", trusted.bundle(w.digest))
	v, err := leioci.VerifyKey(trusted.pem())
	must(t, err)
	_, err = newClient(t, leioci.WithVerifier(v)).PullSnapshot(t.Context(), w.repo.Tag("latest"), filepath.Join(t.TempDir(), "lei"))
	if err != nil {
		t.Error(err)
	}
}
