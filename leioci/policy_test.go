package leioci_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
)

// policyOf writes a policy beside the trusted and the other key, and reads it.
func policyOf(t testing.TB, text string) (*leioci.Policy, error) {
	t.Helper()
	dir := t.TempDir()
	for _, key := range []string{"trusted.pub", "other.pub"} {
		pem, err := os.ReadFile(filepath.Join("testdata/signed", key))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, key), pem, 0o644))
	}
	path := filepath.Join(dir, "policy.json")
	must(t, os.WriteFile(path, []byte(text), 0o644))
	return leioci.ReadPolicy(path)
}

// rules is a policy with rules.
func rules(text string) string { return `{"format_version":1,"repositories":{` + text + `}}` }

func TestTheRuleForTheLongestPartOfALocationCounts(t *testing.T) {
	p, err := policyOf(t, rules(`
		"ghcr.io": {"unsigned": true, "max_age": "1h"},
		"ghcr.io/org": {"unsigned": true, "max_age": "2d"},
		"ghcr.io/org/lei-cache": {"unsigned": true, "max_age": "3h"},
		"registry.test:5000/lei": {"unsigned": true, "max_age": "4h"},
		"oci-layout:": {"unsigned": true, "max_age": "5h"},
		"oci-archive:": {"unsigned": true, "max_age": "6h"},
		"*": {"unsigned": true, "max_age": "7h"}`))
	must(t, err)
	for location, want := range map[string]time.Duration{
		"ghcr.io/org/lei-cache":                   3 * time.Hour,
		"ghcr.io/org/lei-cache:latest":            3 * time.Hour,
		"ghcr.io/org/lei-cache/more:latest":       3 * time.Hour,
		"ghcr.io/org/lei-cache-2":                 48 * time.Hour,
		"ghcr.io/org/other":                       48 * time.Hour,
		"ghcr.io/organisation/lei-cache":          time.Hour,
		"GHCR.io:443/org/lei-cache":               3 * time.Hour,
		"ghcr.io:80/org/lei-cache":                3 * time.Hour,
		"ghcr.io:5000/org/lei-cache":              7 * time.Hour,
		"registry.test:5000/lei/cache":            4 * time.Hour,
		"registry.test/lei/cache":                 7 * time.Hour,
		"ghcr.io.example.org/org/lei-cache":       7 * time.Hour,
		"oci-layout:ghcr.io/org/lei-cache":        5 * time.Hour,
		"OCI-Layout:./x:latest":                   5 * time.Hour,
		"oci-archive:./x.tar":                     6 * time.Hour,
		"other.test/ghcr.io/org/lei-cache:weekly": 7 * time.Hour,
	} {
		l, err := leioci.ParseLocation(location)
		must(t, err)
		if got := p.MaxAge(l); got != want {
			t.Errorf("%s: got %v, want %v", location, got, want)
		}
	}
}

func TestAPolicyWithAMistakeIsRefused(t *testing.T) {
	key := `"keys": ["trusted.pub"]`
	for name, text := range map[string]string{
		"nothing":                         ``,
		"no object":                       `[]`,
		"cut":                             rules(`"ghcr.io": {` + key + `}`)[:40],
		"more behind it":                  rules(`"ghcr.io": {`+key+`}`) + `{}`,
		"no version":                      `{"repositories":{}}`,
		"another version":                 `{"format_version":2,"repositories":{}}`,
		"an unknown member":               `{"format_version":1,"repositories":{},"default":"allow"}`,
		"an unknown member of a rule":     rules(`"ghcr.io": {` + key + `, "key": "x"}`),
		"a rule twice":                    rules(`"ghcr.io": {` + key + `}, "ghcr.io": {"unsigned": true}`),
		"a rule twice, spelt differently": rules(`"ghcr.io": {` + key + `}, "ghcr.io:443": {"unsigned": true}`),
		"a member twice":                  rules(`"ghcr.io": {` + key + `, "keys": ["other.pub"]}`),
		"a member twice, in another case": rules(`"ghcr.io": {` + key + `, "Keys": ["other.pub"]}`),
		"a member twice, in a letter that only looks like s": rules(`"ghcr.io": {` + key + `, "key\u017f": ["other.pub"]}`),
		"a member that is not quite unsigned":                rules(`"ghcr.io": {"un\u017figned": true}`),
		"a member in another case":                           rules(`"ghcr.io": {"Keys": ["trusted.pub"]}`),
		"rules twice, not quite":                             strings.TrimSuffix(rules(`"ghcr.io": {`+key+`}`), "}") + `, "repo\u017fitories": {"*": {"unsigned": true}}}`,
		"rules in another case":                              strings.Replace(rules(`"ghcr.io": {`+key+`}`), "repositories", "Repositories", 1),
		"neither keys nor unsigned":                          rules(`"ghcr.io": {}`),
		"no keys":                                            rules(`"ghcr.io": {"keys": []}`),
		"unsigned is false":                                  rules(`"ghcr.io": {"unsigned": false}`),
		"unsigned, and keys":                                 rules(`"ghcr.io": {` + key + `, "unsigned": true}`),
		"unsigned is a text":                                 rules(`"ghcr.io": {"unsigned": "true"}`),
		"a key that is not there":                            rules(`"ghcr.io": {"keys": ["lost.pub"]}`),
		"a key that is a directory":                          rules(`"ghcr.io": {"keys": ["."]}`),
		"a key that is none":                                 rules(`"ghcr.io": {"keys": ["policy.json"]}`),
		"some other number of keys":                          rules(`"ghcr.io": {` + key + `, "require": "most"}`),
		"an age without its unit":                            rules(`"ghcr.io": {` + key + `, "max_age": "2"}`),
		"an age that is negative":                            rules(`"ghcr.io": {` + key + `, "max_age": "-2h"}`),
		"an age of nothing":                                  rules(`"ghcr.io": {` + key + `, "max_age": "0d"}`),
		"a rule for nothing":                                 rules(`"": {` + key + `}`),
		"a rule for a tag":                                   rules(`"ghcr.io/org/lei:latest": {` + key + `}`),
		"a rule for a pattern":                               rules(`"ghcr.io/*": {` + key + `}`),
		"a rule for layouts, without its colon":              rules(`"oci-layout": {` + key + `}, "*": {"unsigned": true}`),
		"a rule for archives, without its colon":             rules(`"OCI-archive": {` + key + `}, "*": {"unsigned": true}`),
		"a rule for a layout, with a slash":                  rules(`"oci-layout/mirror": {` + key + `}`),
		"a rule for a directory":                             rules(`"oci-layout:./x": {` + key + `}`),
		"a rule that ends with a slash":                      rules(`"ghcr.io/": {` + key + `}`),
		"large":                                              rules(`"ghcr.io": {`+key+`}`) + strings.Repeat(" ", 2<<20),
	} {
		if p, err := policyOf(t, text); err == nil {
			t.Errorf("%s: got %v", name, p)
		}
	}
	if _, err := policyOf(t, "\ufeff"+rules(`"ghcr.io": {`+key+`, "require": "all", "max_age": "2d"}`)); err != nil {
		t.Error(err)
	}
}

func TestAPolicyOfALaterVersionIsSaidToBeNewer(t *testing.T) {
	for name, text := range map[string]string{
		"the version alone":      `{"format_version":2,"repositories":{}}`,
		"a member that is new":   `{"format_version":2,"default":"refuse","repositories":{}}`,
		"a member in front":      `{"default":{"keys":[]},"repositories":[],"format_version":3}`,
		"a member of a rule":     `{"format_version":2,"repositories":{"ghcr.io":{"identities":[{"issuer":"x"}]}}}`,
		"a member of a new type": `{"format_version":2,"repositories":{"ghcr.io":{"keys":{"a":1}}}}`,
	} {
		p, err := policyOf(t, text)
		if err == nil || !strings.Contains(err.Error(), "is for a newer version of leioci; this one reads 1") {
			t.Errorf("%s: got %v, %v", name, p, err)
		}
	}
	if _, err := policyOf(t, `{"format_version":1,"default":"refuse"}`); err == nil || !strings.Contains(err.Error(), "unknown field") {
		t.Errorf("this version: got %v", err)
	}
}

func TestAPolicysNameTellsItFromOthers(t *testing.T) {
	seen := map[string]string{}
	for _, text := range []string{
		`"ghcr.io": {"keys": ["trusted.pub"]}`,
		`"ghcr.io": {"keys": ["other.pub"]}`,
		`"ghcr.io": {"keys": ["other.pub", "trusted.pub"]}`,
		`"ghcr.io": {"keys": ["other.pub", "trusted.pub"], "require": "all"}`,
		`"ghcr.io": {"unsigned": true}`,
		`"ghcr.io/org": {"keys": ["trusted.pub"]}`,
		`"ghcr.io": {"keys": ["trusted.pub"]}, "*": {"unsigned": true}`,
	} {
		p, err := policyOf(t, rules(text))
		must(t, err)
		if other, ok := seen[p.PolicyID()]; ok {
			t.Errorf("%s and %s are the same", text, other)
		}
		seen[p.PolicyID()] = text
	}
	a, err := policyOf(t, rules(`"ghcr.io": {"keys": ["trusted.pub", "other.pub"]}, "*": {"unsigned": true}`))
	must(t, err)
	b, err := policyOf(t, rules(`"*": {"unsigned": true}, "ghcr.io:443": {"keys": ["other.pub", "trusted.pub", "other.pub"]}`))
	must(t, err)
	if a.PolicyID() != b.PolicyID() {
		t.Error("the same policy has two names")
	}
}

func FuzzReadPolicy(f *testing.F) {
	f.Add(rules(`"ghcr.io": {"keys": ["trusted.pub"], "max_age": "2d"}`))
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := policyOf(t, text); (p == nil) == (err == nil) {
			t.Errorf("%v and %v", p, err)
		}
	})
}

func TestARuleForAnOrganisationAtDockerHubIsForItsRepositories(t *testing.T) {
	p, err := policyOf(t, rules(`"docker.io/org": {"unsigned": true, "max_age": "1h"}, "*": {"unsigned": true}`))
	must(t, err)
	for _, location := range []string{"docker.io/org/lei-cache", "index.docker.io/org/lei-cache:latest", "docker.io/org", "docker.io/library/org"} {
		l, err := leioci.ParseLocation(location)
		must(t, err)
		if got := p.MaxAge(l); got != time.Hour {
			t.Errorf("%s: got %v", location, got)
		}
	}
	if _, err := policyOf(t, rules(`"docker.io/org": {"unsigned": true}, "docker.io/library/org": {"keys": ["trusted.pub"]}`)); err == nil {
		t.Error("two rules for one repository are taken")
	}
}
