package sigstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/lowendinsight/lei-go/leioci"
)

// rules is the version of what this package asks for. It is part of a policy's ID, so that a
// stricter version verifies again what a laxer one has trusted.
const rules = 2

// A Verifier trusts what an identity has signed. It is safe for concurrent use.
type Verifier struct {
	root       *root.TrustedRoot
	demands    demands
	verifier   *verify.Verifier
	identities []verify.PolicyOption
	names      []string // of the identities
	id         string
}

var _ leioci.PolicyVerifier = (*Verifier)(nil)

// New returns a Verifier for [leioci.WithVerifier], which trusts what one of the identities has
// signed according to a trusted root. root is the content of the file. The package comment says
// what is verified.
//
// A trusted root that lacks what the options leave to be verified, and an [Identity] that is not
// complete, are errors.
func New(root []byte, identities []Identity, opts ...Option) (*Verifier, error) {
	v := &Verifier{demands: demands{log: true, sct: true}}
	for _, o := range opts {
		if o == nil {
			return nil, errors.New("a nil option")
		}
		o(&v.demands)
	}
	var err error
	if v.root, err = parseRoot(root, v.demands); err != nil {
		return nil, fmt.Errorf("trusted root: %w", err)
	}
	if len(identities) == 0 {
		return nil, errors.New("no identity is given")
	}
	for i, identity := range identities {
		m, err := identity.matcher()
		if err != nil {
			return nil, fmt.Errorf("identity %d: %w", i+1, err)
		}
		v.identities = append(v.identities, verify.WithCertificateIdentity(m))
		v.names = append(v.names, identity.String())
	}
	v.id = policyID(root, identities, v.demands)
	if v.verifier, err = verify.NewVerifier(v.root, v.demands.options()...); err != nil {
		return nil, err
	}
	return v, nil
}

// options returns what sigstore-go has to ask for.
func (d demands) options() []verify.VerifierOption {
	opts := []verify.VerifierOption{verify.WithSignedTimestamps(1)}
	if d.log {
		opts = []verify.VerifierOption{verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1)}
	}
	if d.sct {
		opts = append(opts, verify.WithSignedCertificateTimestamps(1))
	}
	return opts
}

func policyID(root []byte, identities []Identity, d demands) string {
	lines := make([]string, len(identities))
	for i, identity := range identities {
		lines[i] = fmt.Sprintf("%#v\n", identity)
	}
	slices.Sort(lines)
	var text bytes.Buffer
	fmt.Fprintf(&text, "rules %d, root %x, %v\n", rules, sha256.Sum256(root), d)
	for _, line := range slices.Compact(lines) {
		text.WriteString(line)
	}
	sum := sha256.Sum256(text.Bytes())
	return "sigstore:" + hex.EncodeToString(sum[:])
}

// PolicyID implements [leioci.PolicyVerifier]. It depends on the trusted root, byte for byte, on the
// identities and on the options.
func (v *Verifier) PolicyID() string { return v.id }

// Verify implements [leioci.Verifier]. The error says who has signed the artifact instead, or why
// their signatures do not count.
func (v *Verifier) Verify(ctx context.Context, s *leioci.Subject) error {
	var refused []string // why what was found does not count
	var why []error      // what kept others from being read
	for c := range candidatesOf(ctx, s) {
		found, err := v.judge(c)
		if err == nil {
			s.SignedBy(found)
			return nil
		}
		refused = append(refused, fmt.Sprintf("%.300s", printable(err.Error())))
		var u unread
		if errors.As(err, &u) {
			why = append(why, u.error)
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return refusal{v.describe(refused), why}
}

// A refusal wraps what kept signatures from being read, such as a rate limit, which a caller that
// tries again has to know.
type refusal struct {
	text string
	why  []error
}

func (r refusal) Error() string   { return r.text }
func (r refusal) Unwrap() []error { return r.why }

// describe says what was found in place of a signature that counts, and then who has to sign: the
// names are long, and a message that is too long is cut at its end.
func (v *Verifier) describe(found []string) string {
	const most = 3
	switch n := len(found); {
	case n == 0:
		found = []string{"there is no signature"}
	case n > most:
		found = append(found[:most:most], fmt.Sprintf("and %d more", n-most))
	}
	return strings.Join(found, "; ") + "; it must be signed by " + strings.Join(v.names, ", or by ")
}

// printable replaces what could break out of its line in a log: the text comes from who made the
// bundle. It drops what sigstore-go says of a bundle that has no timestamp at all.
func printable(text string) string {
	text = strings.ReplaceAll(text, "; error: %!w(<nil>)", "")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}
