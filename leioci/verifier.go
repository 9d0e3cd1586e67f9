package leioci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// A Verifier decides whether an artifact may be used: whether it is signed by somebody who is
// trusted, for example. [VerifyKey] and [ReadPolicy] make some; the module leioci/sigstore makes one
// for keyless signatures.
type Verifier interface {
	// Verify returns nil if the artifact is trusted. Any error is a refusal, [ErrUntrusted], which
	// wraps it, and so is a panic, on which no caller could recover. It is called after the artifact's manifest was fetched, and before any of its blobs.
	// It must return when ctx ends, and may be called concurrently, also for one artifact at several
	// places.
	Verify(ctx context.Context, s *Subject) error
}

// A PolicyVerifier is a Verifier whose decisions can be remembered. A pull then writes beside the
// snapshot that it was verified, and the next pull under the same policy does not verify it again,
// which makes it a single request. Under another policy, or none that has a name, it is verified
// every time, and so is what was verified in another repository.
type PolicyVerifier interface {
	Verifier
	// PolicyID names everything that a decision depends on, such as the keys. Two verifiers with the
	// same ID must decide alike, though not on every repository.
	PolicyID() string
}

// A TrustOption is an option for a client, for a pull, and for a copy.
type TrustOption interface {
	Option
	PullOption
	CopyOption
}

// WithVerifier refuses every artifact that v does not trust, with [ErrUntrusted]: in
// [Client.PullSnapshot], [Client.PullFrom], [Client.PullManifest], [Client.Image], [Client.Watch],
// [Client.Copy] and [Unpack]. It is called with a manifest that was fetched, before any blob of it
// is. That a directory is up to date is no reason not to: what it holds must have been verified
// under the same policy ([PolicyVerifier]), or is verified now.
//
// Given to a pull, it is used beside the client's: both must trust the artifact. [Client.PullBlob]
// fetches what its digest says and does not ask a verifier; nor do the methods of a [Repository]. A
// mirror that has an artifact which is not trusted is passed over, with a warning; but a copy takes
// the artifact and its signatures from the first place that has them, and is refused. What comes
// along with a copy, such as the signatures, is not asked about.
func WithVerifier(v Verifier) TrustOption { return withVerifier{v} }

type withVerifier struct{ verifier Verifier }

func (w withVerifier) check() error {
	if registry.IsNil(w.verifier) {
		return errors.New("verifier: nil")
	}
	return nil
}

// client implements [Option].
func (w withVerifier) client(o *options) error {
	o.demands.verifiers = append(o.demands.verifiers, w.verifier)
	return w.check()
}

// pull implements [PullOption].
func (w withVerifier) pull(o *pullOptions) error {
	o.demands.verifiers = append(o.demands.verifiers, w.verifier)
	return w.check()
}

// copy implements [CopyOption].
func (w withVerifier) copy(o *copyOptions) error {
	o.demands.verifiers = append(o.demands.verifiers, w.verifier)
	return w.check()
}

// A Subject is an artifact that a [Verifier] is asked about. Its methods read signatures and the
// like from where the artifact is, through the same session, mirrors and limits.
type Subject struct {
	// Location is what was asked for. It is zero for an image that [Unpack] was given.
	Location Location
	// Digest is the SHA-256 digest of Manifest, computed from it.
	Digest v1.Hash
	// Manifest is the artifact's manifest, byte for byte.
	Manifest []byte

	from   store.Reader // nil if there is only an image
	signed []Signature
}

// A Signature says who signed an artifact, as far as its [Verifier] knows.
type Signature struct {
	// Signer is the key, as "sha256:" and the SHA-256 digest of its PKIX form in hexadecimal, or an
	// identity.
	Signer string
	// Format names the format of the signature, such as "simple signing" or "sigstore bundle".
	Format string
	// Time is when it was signed, as far as somebody trusted says so; else it is zero.
	Time time.Time
}

// errNoRepository is the error of reading signatures of an image that was not read from a
// [Repository].
var errNoRepository = errors.New("the image alone has no signatures: use PullFrom, or an image from Repository.Image")

// Referrers lists the manifests that refer to the artifact, as [Repository.Referrers] does.
func (s *Subject) Referrers(ctx context.Context) ([]v1.Descriptor, error) {
	if s.from == nil {
		return nil, errNoRepository
	}
	list, err := s.from.Referrers(ctx, s.Digest)
	if err != nil {
		return nil, fail("list referrers", s.Location.At(s.Digest.String()), err)
	}
	return list, nil
}

// Get returns the manifest that a tag or a digest names where the artifact is, verified. An unknown
// tag is [ErrNotFound], and what is neither is [ErrInvalidReference].
func (s *Subject) Get(ctx context.Context, id string) (v1.Descriptor, []byte, error) {
	if s.from == nil {
		return v1.Descriptor{}, nil, errNoRepository
	}
	if err := checkIdentifier(id); err != nil { // it may come from what is to be verified
		return v1.Descriptor{}, nil, fmt.Errorf("pull manifest from %s: %w", s.Location.Place(), err)
	}
	m, err := s.from.Manifest(ctx, id)
	if err != nil {
		return v1.Descriptor{}, nil, fail("pull manifest", s.Location.At(id), err)
	}
	return m.Descriptor, m.Raw, nil
}

// Blob returns the content of a blob, verified. One that is larger than limit, or than 4 MiB, is
// [ErrTooLarge].
func (s *Subject) Blob(ctx context.Context, d v1.Descriptor, limit int64) ([]byte, error) {
	if s.from == nil {
		return nil, errNoRepository
	}
	if err := checkIdentifier(d.Digest.String()); err != nil {
		return nil, fmt.Errorf("pull blob from %s: %w", s.Location.Place(), err)
	}
	if limit = min(limit, manifest.MaxBytes); d.Size < 0 || d.Size > limit {
		return nil, fmt.Errorf("%w: blob %s of %d bytes, limit %d", ErrTooLarge, d.Digest, d.Size, limit)
	}
	rc, err := openBlob(ctx, s.from, s.Location, d)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	return io.ReadAll(io.LimitReader(rc, limit+1))
}

// SignedBy tells who signed the artifact, for [PullResult]. A Verifier calls it for what it
// verified.
func (s *Subject) SignedBy(sig Signature) { s.signed = append(s.signed, sig) }

// signatures returns who signed the artifact. s may be nil.
func (s *Subject) signatures() []Signature {
	if s == nil {
		return nil
	}
	return s.signed
}
