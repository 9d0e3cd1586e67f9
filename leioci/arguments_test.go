package leioci_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// nilImage panics if it is used, as a nil pointer does.
type nilImage struct{ v1.Image }

type nilLayer struct{ v1.Layer }

type nilKeychain struct{}

func (nilKeychain) Resolve(authn.Resource) (authn.Authenticator, error) { return nil, nil }

type nilConfig struct{}

func (*nilConfig) Authorization() (*authn.AuthConfig, error) { return nil, nil }

// calls are all methods of a client, with arguments that can be replaced.
func calls(t *testing.T, c *leioci.Client) map[string]func(ctx context.Context, ref name.Reference, repo name.Repository) error {
	manifest, blobs := sample(t)
	return map[string]func(context.Context, name.Reference, name.Repository) error{
		"PullManifest": func(ctx context.Context, ref name.Reference, _ name.Repository) error {
			_, err := c.PullManifest(ctx, ref)
			return err
		},
		"Image": func(ctx context.Context, ref name.Reference, _ name.Repository) error {
			_, err := c.Image(ctx, ref)
			return err
		},
		"PullSnapshot": func(ctx context.Context, ref name.Reference, _ name.Repository) error {
			_, err := c.PullSnapshot(ctx, ref, t.TempDir())
			return err
		},
		"Watch": func(ctx context.Context, ref name.Reference, _ name.Repository) error {
			for _, err := range c.Watch(ctx, ref, t.TempDir(), leioci.WatchOptions{}) {
				return err
			}
			return nil
		},
		"PullBlob": func(ctx context.Context, ref name.Reference, _ name.Repository) error {
			digest, _ := ref.(name.Digest)
			_, err := c.PullBlob(ctx, digest)
			return err
		},
		"Tags": func(ctx context.Context, _ name.Reference, repo name.Repository) error {
			_, err := c.Tags(ctx, repo)
			return err
		},
		"Push": func(ctx context.Context, _ name.Reference, repo name.Repository) error {
			_, err := c.Push(ctx, repo, []string{"latest"}, manifest, blobs)
			return err
		},
		"PreviewPush": func(ctx context.Context, _ name.Reference, repo name.Repository) error {
			_, err := c.PreviewPush(ctx, repo, []string{"latest"}, empty.Image)
			return err
		},
		"PushSnapshot": func(ctx context.Context, _ name.Reference, repo name.Repository) error {
			_, err := c.PushSnapshot(ctx, repo, []string{"latest"}, empty.Image)
			return err
		},
	}
}

func TestAClientThatWasNotMadeIsAnError(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	repo := repository(t, reg)
	for _, c := range []*leioci.Client{nil, {}} {
		for method, call := range calls(t, c) {
			if err := call(t.Context(), repo.Tag("latest"), repo); err == nil {
				t.Errorf("%s: no error", method)
			}
		}
		c.CloseIdleConnections()
	}
}

func TestNilAndZeroArgumentsAreErrors(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	repo := repository(t, reg)
	c := newClient(t)
	var noTag *name.Tag
	var noDigest *name.Digest
	for method, call := range calls(t, c) {
		if err := call(nil, repo.Tag("latest"), repo); err == nil { //nolint:staticcheck // a mistake that callers make
			t.Errorf("%s without a context: no error", method)
		}
		for what, ref := range map[string]name.Reference{"nil": nil, "nil tag": noTag, "nil digest": noDigest, "zero tag": name.Tag{}, "zero digest": name.Digest{}, "empty tag": repo.Tag("")} {
			if err := call(t.Context(), ref, name.Repository{}); !errors.Is(err, leioci.ErrInvalidReference) {
				t.Errorf("%s, %s: got %v", method, what, err)
			}
		}
	}
	if len(reg.Requests()) != 0 {
		t.Errorf("the registry was asked %q", reg.Requests())
	}
}

func TestAReferenceThatWasNotParsedLeadsNowhereElse(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	repo := repository(t, reg)
	c := newClient(t)
	elsewhere := repo.Repo("..", "private")
	tag := repo.Tag("../../private/manifests/latest")
	for method, call := range calls(t, c) {
		if err := call(t.Context(), elsewhere.Digest("sha256:"+strings.Repeat("0", 64)), elsewhere); !errors.Is(err, leioci.ErrInvalidReference) {
			t.Errorf("%s in another repository: got %v", method, err)
		}
		for _, ref := range []name.Reference{tag, &tag, repo.Tag("a b"), elsewhere.Tag("latest")} {
			if err := call(t.Context(), ref, elsewhere); !errors.Is(err, leioci.ErrInvalidReference) {
				t.Errorf("%s of %s: got %v", method, ref, err)
			}
		}
	}
	if len(reg.Requests()) != 0 {
		t.Errorf("the registry was asked %q", reg.Requests())
	}
}

func TestNilImagesLayersAndOptionsAreErrors(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	repo, c := repository(t, reg), newClient(t)
	manifest, blobs := sample(t)
	var image *nilImage
	var layer *nilLayer
	dir := leiocitest.WriteSnapshot(t, time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC))
	for what, call := range map[string]func() error{
		"New, nil option": func() error { _, err := leioci.New(nil); return err },
		"Push, nil blob": func() error {
			_, err := c.Push(t.Context(), repo, []string{"a"}, manifest, append(blobs, nil))
			return err
		},
		"Push, typed nil blob": func() error {
			_, err := c.Push(t.Context(), repo, []string{"a"}, manifest, append(blobs, layer))
			return err
		},
		"Push, blob without content": func() error {
			_, err := c.Push(t.Context(), repo, []string{"a"}, manifest, append(blobs, contentless{blobs[0]}))
			return err
		},
		"PushSnapshot, a layer without content": func() error {
			_, err := c.PushSnapshot(t.Context(), repo, []string{"a"}, withoutContent(t, dir))
			return err
		},
		"Unpack, a layer without content": func() error {
			_, err := leioci.Unpack(t.Context(), withoutContent(t, dir), filepath.Join(t.TempDir(), "lei"))
			return err
		},
		"Push, nil everything":     func() error { _, err := c.Push(t.Context(), repo, nil, nil, nil); return err },
		"PushSnapshot, nil":        func() error { _, err := c.PushSnapshot(t.Context(), repo, []string{"a"}, nil); return err },
		"PushSnapshot, typed nil":  func() error { _, err := c.PushSnapshot(t.Context(), repo, []string{"a"}, image); return err },
		"PushSnapshot, nil option": func() error { _, err := c.PushSnapshot(t.Context(), repo, []string{"a"}, empty.Image, nil); return err },
		"PullSnapshot, nil option": func() error { _, err := c.PullSnapshot(t.Context(), repo.Tag("a"), t.TempDir(), nil); return err },
		"Unpack, nil":              func() error { _, err := leioci.Unpack(t.Context(), nil, t.TempDir()); return err },
		"Unpack, typed nil":        func() error { _, err := leioci.Unpack(t.Context(), image, t.TempDir()); return err },
		"Unpack, nil context":      func() error { _, err := leioci.Unpack(nil, empty.Image, t.TempDir()); return err }, //nolint:staticcheck // as above
		"Package, nil context":     func() error { _, err := leioci.Package(nil, dir); return err },                     //nolint:staticcheck // as above
		"Package, nil option":      func() error { _, err := leioci.Package(t.Context(), dir, nil); return err },
		"PackageSnapshot, zero": func() error {
			_, err := leioci.PackageSnapshot(t.Context(), &snapshot.Snapshot{})
			if err != nil && !strings.Contains(err.Error(), "not opened with snapshot.Open") {
				t.Errorf("PackageSnapshot, zero: got %v", err)
			}
			return err
		},
		"NewBlob, zero": func() error { _, err := leioci.NewBlob(v1.Hash{}, nil); return err },
		"Watch, nil option": func() error {
			for _, err := range c.Watch(t.Context(), repo.Tag("a"), t.TempDir(), leioci.WatchOptions{Pull: []leioci.PullOption{nil}}) {
				return err
			}
			return nil
		},
	} {
		if err := call(); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if len(reg.Requests()) != 0 {
		t.Errorf("the registry was asked %q", reg.Requests())
	}
	_ = (&leioci.PushError{Failed: []leioci.TagError{{Tag: "a"}, {Tag: "b"}}}).Error() // must not panic
}

func TestNilInOptionsIsAnError(t *testing.T) {
	var basic *authn.Basic
	var transport *http.Transport
	var logger *logrus.Logger
	var keychain *keychain
	for what, opt := range map[string]leioci.Option{
		"WithAuth": leioci.WithAuth("ghcr.io", nil), "WithAuth, typed": leioci.WithAuth("ghcr.io", basic),
		"WithKeychain": leioci.WithKeychain(nil), "WithKeychain, typed": leioci.WithKeychain(keychain),
		"WithTransport": leioci.WithTransport(nil), "WithTransport, typed": leioci.WithTransport(transport),
		"WithLogger": leioci.WithLogger(nil), "WithLogger, typed": leioci.WithLogger(logger),
		"WithMirrors": leioci.WithMirrors(leioci.Mirror{}),
	} {
		if _, err := leioci.New(opt); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func TestKeychainsAndAuthenticatorsThatReturnNilAreErrors(t *testing.T) {
	reg := leiocitest.Serve(t, leiocitest.BasicAuth("bob", "right", leiocitest.NewHandler()))
	var typed *authn.Basic
	for what, opt := range map[string]leioci.Option{
		"a keychain":             leioci.WithKeychain(nilKeychain{}),
		"a keychain, typed":      leioci.WithKeychain(keychain{typed}),
		"a keychain of nil":      leioci.WithKeychain(authn.NewMultiKeychain(nil)),
		"an authenticator":       leioci.WithAuth(reg.Host(), &nilConfig{}),
		"a stored authenticator": leioci.WithKeychain(keychain{&nilConfig{}}),
	} {
		if _, err := newClient(t, opt).PullManifest(t.Context(), repository(t, reg).Tag("latest")); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func TestCertificatesThatCannotBeShownAreErrors(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	server := httptest.NewTLSServer(nil)
	t.Cleanup(server.Close)
	right := server.TLS.Certificates[0]
	var noKey *ecdsa.PrivateKey
	for what, c := range map[string]tls.Certificate{
		"zero":          {},
		"no key":        {Certificate: right.Certificate},
		"nil key":       {Certificate: right.Certificate, PrivateKey: noKey},
		"no signer":     {Certificate: right.Certificate, PrivateKey: "key"},
		"another's key": {Certificate: right.Certificate, PrivateKey: key},
		"nonsense":      {Certificate: [][]byte{[]byte("nonsense")}, PrivateKey: key},
		"empty":         {Certificate: [][]byte{nil}, PrivateKey: key},
	} {
		if _, err := leioci.New(leioci.WithTLS(leioci.TLS{Certificates: []tls.Certificate{c}})); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if _, err := leioci.New(leioci.WithTLS(leioci.TLS{Certificates: []tls.Certificate{right}})); err != nil {
		t.Errorf("a right one: %v", err)
	}
}

// closing is a transport that knows whether it was told to close its connections.
type closing struct {
	http.RoundTripper
	closed int
}

func (c *closing) CloseIdleConnections() { c.closed++ }

func TestIdleConnectionsAreClosedWhereTheTransportCan(t *testing.T) {
	transport := &closing{RoundTripper: http.DefaultTransport}
	newClient(t, leioci.WithTransport(transport)).CloseIdleConnections()
	if transport.closed != 1 {
		t.Errorf("closed %d times", transport.closed)
	}
	newClient(t, leioci.WithTransport(roundTripper(http.DefaultTransport.RoundTrip))).CloseIdleConnections() // cannot; no panic

	reg := leiocitest.NewRegistry(t)
	c, err := leioci.New(once())
	must(t, err)
	pushSample(t, c, repository(t, reg), "latest")
	c.CloseIdleConnections() // or else the leak check of this package finds them
	if _, err := c.Tags(t.Context(), repository(t, reg)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	c.CloseIdleConnections()
}

// contentless is a layer that returns neither its content nor an error.
type contentless struct{ v1.Layer }

func (contentless) Compressed() (io.ReadCloser, error) { return nil, nil }

// withoutContent is the image of a snapshot whose layers are contentless.
func withoutContent(t *testing.T, dir string) v1.Image {
	img, err := leioci.Package(t.Context(), dir)
	must(t, err)
	return emptied{img}
}

type emptied struct{ v1.Image }

func (e emptied) LayerByDigest(digest v1.Hash) (v1.Layer, error) {
	l, err := e.Image.LayerByDigest(digest)
	return contentless{l}, err
}
