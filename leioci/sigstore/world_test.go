package sigstore_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/sigstore"
	"github.com/lowendinsight/lei-go/leioci/sigstore/sigstoretest"
)

const (
	issuer   = "https://token.actions.githubusercontent.com"
	workflow = "https://github.com/org/lei/.github/workflows/publish.yml@refs/heads/main"
	person   = "publisher@example.org"
)

// identities are who is trusted.
func identities() []sigstore.Identity {
	return []sigstore.Identity{{Issuer: issuer, Subject: workflow}, {Issuer: issuer, Subject: person}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must1[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return v
	}
}

// world is a repository with a snapshot, and an instance of Sigstore that is trusted.
type world struct {
	t        testing.TB
	reg      *leiocitest.Registry
	client   *leioci.Client
	rt       *http.Transport
	repo     name.Repository
	digest   v1.Hash
	manifest []byte
	instance *sigstoretest.Instance
}

// newWorld has a registry with the referrers API, or without.
func newWorld(t testing.TB, api bool) *world {
	t.Helper()
	return newWorldOn(t, api, http.DefaultTransport.(*http.Transport).Clone())
}

// newWorldOn has a client with this transport.
func newWorldOn(t testing.TB, api bool, rt *http.Transport) *world {
	t.Helper()
	w := &world{t: t, rt: rt, instance: must1(sigstoretest.New())(t)}
	t.Cleanup(w.rt.CloseIdleConnections)
	w.reg = leiocitest.Serve(t, registry.New(registry.WithReferrersSupport(api), registry.Logger(log.New(io.Discard, "", 0))))
	w.client = must1(leioci.New(leioci.WithTransport(w.rt)))(t)
	w.repo = must1(leioci.ParseRepository(w.reg.Host() + "/org/lei-cache"))(t)
	day := time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC)
	img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, day, `{"data":{"repo":"https://example.org/a","risk":"low"}}`))
	must(t, err)
	must1(w.client.PushSnapshot(t.Context(), w.repo, []string{"latest"}, img))(t)
	w.digest, w.manifest = must1(img.Digest())(t), must1(img.RawManifest())(t)
	return w
}

// attach attaches bundles to the snapshot.
func (w *world) attach(bundles ...[]byte) {
	w.t.Helper()
	must(w.t, sigstoretest.Attach(w.t.Context(), w.rt, w.repo, w.digest, bundles...))
}

// sign is a good bundle.
func (w *world) sign() []byte {
	w.t.Helper()
	return must1(w.instance.Sign(workflow, issuer, w.digest))(w.t)
}

func (w *world) signV2() []byte {
	w.t.Helper()
	return must1(w.instance.SignV2(person, issuer, w.digest))(w.t)
}

// pull pulls the snapshot with a verifier for a trusted root.
func (w *world) pull(root []byte, opts ...sigstore.Option) (*leioci.PullResult, error) {
	w.t.Helper()
	v := must1(sigstore.New(root, identities(), opts...))(w.t)
	return w.client.PullSnapshot(w.t.Context(), w.repo.Tag("latest"), filepath.Join(w.t.TempDir(), "lei"), leioci.WithVerifier(v))
}

// verify pulls the manifest alone.
func (w *world) verify(v leioci.Verifier) error {
	w.t.Helper()
	client := must1(leioci.New(leioci.WithTransport(w.rt), leioci.WithVerifier(v)))(w.t)
	_, err := client.PullManifest(w.t.Context(), w.repo.Tag("latest"))
	return err
}

// fetched returns which blobs of the snapshot were asked for.
func (w *world) fetched() (asked []string) {
	w.t.Helper()
	m := must1(v1.ParseManifest(bytes.NewReader(w.manifest)))(w.t)
	for _, r := range w.reg.Requests() {
		for _, l := range append(m.Layers, m.Config) {
			if strings.HasPrefix(r, "GET ") && strings.HasSuffix(r, l.Digest.String()) {
				asked = append(asked, r)
			}
		}
	}
	return asked
}

// object is a JSON object, to edit.
type object = map[string]any

// edited returns JSON after an edit.
func edited(t testing.TB, text []byte, edit func(object)) []byte {
	t.Helper()
	var o object
	must(t, json.Unmarshal(text, &o))
	edit(o)
	return must1(json.Marshal(o))(t)
}

// material is what a bundle has besides the signature.
func material(o object) object { return o["verificationMaterial"].(object) }

// entry is a bundle's entry in the transparency log.
func entry(o object) object { return material(o)["tlogEntries"].([]any)[0].(object) }
