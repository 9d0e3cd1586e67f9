package sigstore_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/sigstore"
	"github.com/lowendinsight/lei-go/leioci/sigstore/sigstoretest"
)

func TestEveryKindOfBundleIsTrusted(t *testing.T) {
	version := func(mediaType string, edits ...func(object)) func(*world) [][]byte {
		return changed(func(o object) {
			o["mediaType"] = mediaType
			for _, edit := range edits {
				edit(o)
			}
		})
	}
	chain := func(o object) {
		material(o)["x509CertificateChain"] = object{"certificates": []any{material(o)["certificate"]}}
		delete(material(o), "certificate")
	}
	withoutProof := func(o object) { delete(entry(o), "inclusionProof") }
	noSCT, noLog := sigstore.WithoutSCT(), sigstore.WithoutTransparencyLog()
	for name, tc := range map[string]struct {
		do   func(*world) [][]byte
		opts []sigstore.Option
	}{
		"version 0.3":                         {do: signed},
		"version 0.3, as it was written once": {do: version("application/vnd.dev.sigstore.bundle+json;version=0.3")},
		"version 0.2, with a chain":           {do: version("application/vnd.dev.sigstore.bundle+json;version=0.2", chain)},
		"version 0.1, without a proof":        {do: version("application/vnd.dev.sigstore.bundle+json;version=0.1", chain, withoutProof)},
		"no timestamp, as the log states it":  {do: changed(withoutTimestamp)},
		"no promise, as a timestamp is there": {do: changed(withoutPromise)},
		"Rekor version 2":                     {do: signedV2, opts: []sigstore.Option{noSCT}},
		"no log":                              {do: changed(withoutEntry), opts: []sigstore.Option{noLog}},
		"nothing but a timestamp":             {do: changedV2(withoutEntry), opts: []sigstore.Option{noLog, noSCT}},
		"the second identity":                 {do: by(person, issuer)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, true)
			w.attach(tc.do(w)...)
			res, err := w.pull(w.instance.Root(), tc.opts...)
			must(t, err)
			if len(res.Signatures) != 1 {
				t.Fatalf("signed: %v", res.Signatures)
			}
			s := res.Signatures[0]
			if s.Signer != workflow+" ("+issuer+")" && s.Signer != person+" ("+issuer+")" || s.Format != "sigstore bundle" {
				t.Errorf("signed: %+v", s)
			}
			if age := time.Since(s.Time); age < 0 || age > time.Hour {
				t.Errorf("signed at %v", s.Time)
			}
		})
	}
}

func TestAVerifiedPullThatIsRepeatedIsOneRequest(t *testing.T) {
	w := newWorld(t, false)
	w.attach(w.sign())
	dir := filepath.Join(t.TempDir(), "lei")
	pull := func(identities ...sigstore.Identity) (*leioci.PullResult, int, error) {
		v := must1(sigstore.New(w.instance.Root(), identities))(t)
		before := len(w.reg.Requests())
		res, err := w.client.PullSnapshot(t.Context(), w.repo.Tag("latest"), dir, leioci.WithVerifier(v))
		return res, len(w.reg.Requests()) - before, err
	}
	first, _, err := pull(identities()...)
	must(t, err)
	again, n, err := pull(identities()...)
	must(t, err)
	if n != 1 || !again.UpToDate || len(again.Signatures) != 1 || again.Signatures[0].Signer != first.Signatures[0].Signer ||
		!again.Signatures[0].Time.Equal(first.Signatures[0].Time) {
		t.Errorf("%d requests, %+v, first %+v", n, again, first)
	}
	if _, _, err := pull(sigstore.Identity{Issuer: issuer, Subject: "other@example.org"}); !errors.Is(err, leioci.ErrUntrusted) {
		t.Errorf("under another policy: %v", err)
	}
}

func TestAPolicyIsNamedByAllThatItDependsOn(t *testing.T) {
	root := must1(sigstoretest.New())(t).Root()
	a, b := sigstore.Identity{Issuer: "i", Subject: "s"}, sigstore.Identity{Issuer: "i", SubjectRegexp: "s"}
	id := func(root []byte, identities []sigstore.Identity, opts ...sigstore.Option) string {
		return must1(sigstore.New(root, identities, opts...))(t).PolicyID()
	}
	seen := map[string]string{}
	for name, got := range map[string]string{
		"a":             id(root, []sigstore.Identity{a}),
		"b":             id(root, []sigstore.Identity{b}),
		"both":          id(root, []sigstore.Identity{a, b}),
		"issuer":        id(root, []sigstore.Identity{{IssuerRegexp: "i", Subject: "s"}}),
		"swapped":       id(root, []sigstore.Identity{{Issuer: "s", Subject: "i"}}),
		"another root":  id(must1(sigstoretest.New())(t).Root(), []sigstore.Identity{a}),
		"without a log": id(root, []sigstore.Identity{a}, sigstore.WithoutTransparencyLog()),
		"without SCT":   id(root, []sigstore.Identity{a}, sigstore.WithoutSCT()),
	} {
		if other, ok := seen[got]; ok {
			t.Errorf("%s and %s are both %s", name, other, got)
		}
		seen[got] = name
	}
	if seen[id(root, []sigstore.Identity{b, a, b})] != "both" {
		t.Error("the order of identities matters")
	}
}

func TestATrustedRootThatCannotBeMetIsAnError(t *testing.T) {
	root := must1(sigstoretest.New())(t).Root()
	without := func(kind string) []byte { return edited(t, root, func(o object) { delete(o, kind) }) }
	noSCT, noLog := sigstore.WithoutSCT(), sigstore.WithoutTransparencyLog()
	for name, tc := range map[string]struct {
		root []byte
		opts []sigstore.Option
		says string
	}{
		"nothing":              {nil, nil, "trusted root"},
		"no JSON":              {[]byte("x"), nil, "trusted root"},
		"an object":            {[]byte("{}"), nil, "media type"},
		"a bundle":             {[]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}`), nil, "trusted root"},
		"no authority":         {without("certificateAuthorities"), nil, "no certificate authority"},
		"no log":               {without("tlogs"), nil, "no transparency log"},
		"no certificate log":   {without("ctlogs"), nil, "no certificate transparency log"},
		"no timestamps":        {without("timestampAuthorities"), []sigstore.Option{noLog}, "no timestamp authority"},
		"an option that is no": {root, []sigstore.Option{nil}, "nil option"},
		"no certificate": {edited(t, root, func(o object) {
			o["certificateAuthorities"] = []any{object{"certChain": object{"certificates": []any{object{}}}}}
		}), nil, "certificate"},
	} {
		if _, err := sigstore.New(tc.root, identities(), tc.opts...); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, tc := range map[string]struct {
		root []byte
		opts []sigstore.Option
	}{
		"all":                        {root, nil},
		"with a mark of byte order":  {append([]byte("\ufeff"), root...), nil},
		"no log, none wanted":        {without("tlogs"), []sigstore.Option{noLog}},
		"no certificates' log":       {without("ctlogs"), []sigstore.Option{noSCT}},
		"no timestamps, none needed": {without("timestampAuthorities"), nil},
	} {
		if _, err := sigstore.New(tc.root, identities(), tc.opts...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAVerifierMayBeUsedConcurrently(t *testing.T) {
	w := newWorld(t, true)
	w.attach(w.sign())
	v := must1(sigstore.New(w.instance.Root(), identities()))(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			dir := filepath.Join(t.TempDir(), "lei")
			if _, err := w.client.PullSnapshot(t.Context(), w.repo.Tag("latest"), dir, leioci.WithVerifier(v)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestAVerifierObeysItsContext(t *testing.T) {
	w := newWorld(t, true)
	w.attach(w.sign())
	v := must1(sigstore.New(w.instance.Root(), identities()))(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.Verify(ctx, &leioci.Subject{Digest: w.digest, Manifest: w.manifest}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestWhatKeepsASignatureFromBeingReadIsInTheError(t *testing.T) {
	bundle := func(w *world) { w.attach(w.sign()) }
	simple := func(w *world) {
		claim := must1(w.instance.SignSimple(workflow, issuer, sigstoretest.Claim(w.digest)))(t)
		must(t, sigstoretest.AttachSimple(t.Context(), w.rt, w.repo, w.digest, claim))
	}
	for name, tc := range map[string]struct {
		attach func(*world)
		path   string
	}{"a list": {bundle, "/referrers/"}, "a bundle": {bundle, "/blobs/"}, "a tag": {simple, ".sig"}, "a payload": {simple, "/blobs/"}} {
		w := newWorld(t, true)
		tc.attach(w)
		w.reg.On("", tc.path, leiocitest.Always, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Retry-After", "3000")
			w.WriteHeader(http.StatusTooManyRequests)
		})
		err := w.verify(must1(sigstore.New(w.instance.Root(), identities()))(t))
		var limited *leioci.RateLimitError
		if !errors.Is(err, leioci.ErrUntrusted) || !errors.As(err, &limited) || limited.RetryAfter != 3000*time.Second {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestNothingIsContactedButTheRegistry lets whoever uses the default transport or resolver fail. It
// runs in a process of its own: whatever another test, or this one, has left to be dialed reads them.
func TestNothingIsContactedButTheRegistry(t *testing.T) {
	const inChild = "LEIOCI_SIGSTORE_CHILD"
	if os.Getenv(inChild) == "" {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		child.Env = append(os.Environ(), inChild+"=1")
		if out, err := child.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	rt := http.DefaultTransport.(*http.Transport).Clone()
	http.DefaultTransport = refuses{t}
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(_ context.Context, _, address string) (net.Conn, error) {
		t.Errorf("a name server is asked: %s", address)
		return nil, errors.ErrUnsupported
	}}
	w := newWorldOn(t, true, rt)
	w.attach(w.sign())
	must1(w.pull(w.instance.Root()))(t)
}

type refuses struct{ t *testing.T }

func (r refuses) RoundTrip(req *http.Request) (*http.Response, error) {
	r.t.Errorf("a request for %s", req.URL)
	return nil, errors.ErrUnsupported
}
