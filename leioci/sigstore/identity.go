package sigstore

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/verify"
)

// An Identity is who may sign, as the certificate says it. It has an issuer and a subject, each
// either exact or as a regular expression.
//
// A regular expression, in the syntax of package regexp, must match the whole text: neither
// "https://github.com/org/" nor "org" matches the workflows of an organization, and
// `https://github\.com/org/.*` does. cosign's own flags and sigstore-go search for it anywhere in
// the text, where a name that somebody else has chosen may contain it. One that matches the empty
// text or a text of characters that no name has, such as ".*" and ".+", asks for nothing and is
// refused.
type Identity struct {
	// Issuer is the URL of who has authenticated the subject, such as
	// https://token.actions.githubusercontent.com.
	Issuer string
	// IssuerRegexp is for several issuers. Set it or Issuer.
	IssuerRegexp string
	// Subject is the certificate's subject alternative name: the URI of a workflow, such as
	// https://github.com/org/repo/.github/workflows/publish.yml@refs/heads/main, or an e-mail
	// address. A URI is compared as package net/url writes it. If there are several names, which
	// Fulcio does not issue, the first URI counts or, where there is none, the first e-mail
	// address.
	Subject string
	// SubjectRegexp is for several subjects. Set it or Subject.
	SubjectRegexp string
}

// String describes the identity.
func (i Identity) String() string {
	return describe(i.Subject, i.SubjectRegexp) + " of issuer " + describe(i.Issuer, i.IssuerRegexp)
}

func describe(exact, expression string) string {
	if expression != "" {
		return "matching " + expression
	}
	return exact
}

// matcher returns an error unless the identity asks for both an issuer and a subject.
func (i Identity) matcher() (verify.CertificateIdentity, error) {
	issuer, err := whole("issuer", i.Issuer, i.IssuerRegexp)
	if err != nil {
		return verify.CertificateIdentity{}, err
	}
	subject, err := whole("subject", i.Subject, i.SubjectRegexp)
	if err != nil {
		return verify.CertificateIdentity{}, err
	}
	return verify.NewShortCertificateIdentity(i.Issuer, issuer, i.Subject, subject)
}

// whole checks what an identity asks for, and returns a regular expression that matches all of a
// text. It is empty if there is none.
func whole(what, exact, expression string) (string, error) {
	switch {
	case exact == "" && expression == "":
		return "", fmt.Errorf("no %s: an identity needs an issuer and a subject", what)
	case exact != "" && expression != "":
		return "", fmt.Errorf("%s: there are both an exact one and a regular expression: set one of them", what)
	case expression == "":
		return "", nil
	}
	// Compiled alone first, it cannot leave the group that is put around it.
	alone, err := regexp.Compile(expression)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	anchored := `\A(?:` + expression + `)\z`
	all, err := regexp.Compile(anchored)
	if err != nil {
		return "", fmt.Errorf("%s: the regular expression ends inside \\Q: %w", what, err)
	}
	nobody := strings.Repeat("\U0010FFFD", 64) // of characters for private use: no name has them
	if alone.MatchString("") || all.MatchString(nobody) {
		return "", errors.New(what + ": the regular expression " + expression + " matches the empty text or any other, and so asks for nothing")
	}
	return anchored, nil
}
