package sigstore_test

import (
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/sigstore"
	"github.com/lowendinsight/lei-go/leioci/sigstore/sigstoretest"
)

func TestAnIdentityThatAsksForTooLittleIsRefused(t *testing.T) {
	root := must1(sigstoretest.New())(t).Root()
	for name, tc := range map[string]struct {
		identity sigstore.Identity
		says     string
	}{
		"nothing":                       {sigstore.Identity{}, "no issuer"},
		"no issuer":                     {sigstore.Identity{Subject: person}, "no issuer"},
		"no subject":                    {sigstore.Identity{Issuer: issuer}, "no subject"},
		"two issuers":                   {sigstore.Identity{Issuer: issuer, IssuerRegexp: "x", Subject: person}, "issuer: there are both"},
		"two subjects":                  {sigstore.Identity{Issuer: issuer, Subject: person, SubjectRegexp: "x"}, "subject: there are both"},
		"any issuer":                    {sigstore.Identity{IssuerRegexp: ".*", Subject: person}, "asks for nothing"},
		"any subject":                   {sigstore.Identity{Issuer: issuer, SubjectRegexp: "^.*$"}, "asks for nothing"},
		"any issuer that has one":       {sigstore.Identity{IssuerRegexp: ".+", Subject: person}, "asks for nothing"},
		"any subject that has one":      {sigstore.Identity{Issuer: issuer, SubjectRegexp: "(?s).+"}, "asks for nothing"},
		"any subject that is long":      {sigstore.Identity{Issuer: issuer, SubjectRegexp: `\S{4,}.*`}, "asks for nothing"},
		"any subject but one":           {sigstore.Identity{Issuer: issuer, SubjectRegexp: "[^x]+"}, "asks for nothing"},
		"a choice of nothing":           {sigstore.Identity{Issuer: issuer, SubjectRegexp: "a|"}, "asks for nothing"},
		"a wrong expression":            {sigstore.Identity{Issuer: issuer, SubjectRegexp: "("}, "subject: error parsing"},
		"one that leaves its group":     {sigstore.Identity{Issuer: issuer, SubjectRegexp: "a)|(b"}, "subject: error parsing"},
		"one that quotes what comes on": {sigstore.Identity{Issuer: issuer, SubjectRegexp: `\Qa`}, `ends inside \Q`},
	} {
		_, err := sigstore.New(root, []sigstore.Identity{{Issuer: issuer, Subject: person}, tc.identity})
		if err == nil || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), "identity 2") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := sigstore.New(root, nil); err == nil || !strings.Contains(err.Error(), "no identity") {
		t.Errorf("none: got %v", err)
	}
}

func TestARegularExpressionMatchesTheWholeText(t *testing.T) {
	w := newWorld(t, true)
	w.attach(w.sign())
	for _, tc := range []struct {
		identity sigstore.Identity
		trusted  bool
	}{
		{sigstore.Identity{Issuer: issuer, SubjectRegexp: `https://github\.com/org/lei/.*`}, true},
		{sigstore.Identity{Issuer: issuer, SubjectRegexp: `^https://github\.com/org/.*@refs/heads/main$`}, true},
		{sigstore.Identity{Issuer: issuer, SubjectRegexp: `https://github\.com/other/.*|https://github\.com/org/.*`}, true},
		{sigstore.Identity{Issuer: issuer, SubjectRegexp: `(?i)HTTPS://GITHUB\.COM/ORG/.*`}, true},
		{sigstore.Identity{IssuerRegexp: `https://token\..*`, Subject: workflow}, true},
		{sigstore.Identity{Issuer: issuer, SubjectRegexp: `https://github\.com/org/`}, false},
		{sigstore.Identity{Issuer: issuer, SubjectRegexp: `github\.com/org/.*`}, false},
		{sigstore.Identity{Issuer: issuer, SubjectRegexp: `x|main`}, false},
		{sigstore.Identity{Issuer: issuer, SubjectRegexp: `HTTPS://.*`}, false},
		{sigstore.Identity{IssuerRegexp: `token\..*`, Subject: workflow}, false},
		{sigstore.Identity{IssuerRegexp: `https://token\.`, Subject: workflow}, false},
	} {
		v := must1(sigstore.New(w.instance.Root(), []sigstore.Identity{tc.identity}))(t)
		if err := w.verify(v); (err == nil) != tc.trusted {
			t.Errorf("%v: got %v", tc.identity, err)
		}
	}
}
