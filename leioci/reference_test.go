package leioci_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci"
)

const hex64 = "22698cac51675520fc8aa978bce0c53f2399dc5eb7d44d4e93f2285cb51a4ba8"

func TestParseReferenceReadsTheContractsReferences(t *testing.T) {
	for _, tc := range []struct{ in, registry, repository, identifier string }{
		{"ghcr.io/org/lei-cache:2026-02-08", "ghcr.io", "org/lei-cache", "2026-02-08"},
		{"oci://ghcr.io/org/lei-cache:2026-02-08", "ghcr.io", "org/lei-cache", "2026-02-08"},
		{"ghcr.io/org/lei-cache", "ghcr.io", "org/lei-cache", "latest"},
		{"localhost:5000/a/b:c", "localhost:5000", "a/b", "c"},
		{"localhost:5000/a", "localhost:5000", "a", "latest"},
		{"localhost/a", "localhost", "a", "latest"},
		{"registry/repo:tag", "registry", "repo", "tag"},
		{"oci:5000/repo:tag", "oci:5000", "repo", "tag"},
		{"127.0.0.1:5000/a", "127.0.0.1:5000", "a", "latest"},
		{"[::1]:5000/a:b", "[::1]:5000", "a", "b"},
		{"ghcr.io/org/sub/repo:v1.0", "ghcr.io", "org/sub/repo", "v1.0"},
		{"docker.io/library/x", "index.docker.io", "library/x", "latest"},
		{"docker.io/x", "index.docker.io", "library/x", "latest"},
		{"Docker.IO/x", "index.docker.io", "library/x", "latest"},
		{"INDEX.DOCKER.IO/a/x:b", "index.docker.io", "a/x", "b"},
		{"[::1]:5000/a@sha256:" + hex64, "[::1]:5000", "a", "sha256:" + hex64},
		{"oci://localhost:5000/a:b@sha256:" + hex64, "localhost:5000", "a", "sha256:" + hex64},
		{"GHCR.IO/a/b:c", "GHCR.IO", "a/b", "c"},
		{"OCI://ghcr.io/a:b", "ghcr.io", "a", "b"},
		{"Oci://ghcr.io/a", "ghcr.io", "a", "latest"},
		{"ghcr.io/a/b@sha256:" + hex64, "ghcr.io", "a/b", "sha256:" + hex64},
		{"ghcr.io/a/b:tag@sha256:" + hex64, "ghcr.io", "a/b", "sha256:" + hex64},
		{"ghcr.io/a/b@sha512:" + hex64 + hex64, "ghcr.io", "a/b", "sha512:" + hex64 + hex64},
		{"ghcr.io/a__b/c-d.e:" + strings.Repeat("x", 128), "ghcr.io", "a__b/c-d.e", strings.Repeat("x", 128)},
	} {
		t.Run(tc.in, func(t *testing.T) {
			ref, err := leioci.ParseReference(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			got := [3]string{ref.Context().RegistryStr(), ref.Context().RepositoryStr(), ref.Identifier()}
			if want := [3]string{tc.registry, tc.repository, tc.identifier}; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if _, isDigest := ref.(name.Digest); isDigest != strings.Contains(tc.in, "@") {
				t.Errorf("got a %T", ref)
			}
		})
	}
}

func TestParseReferenceRefusesWhatIsNoReference(t *testing.T) {
	for _, tc := range []struct{ in, says string }{
		{"", "missing registry or repository"},
		{"oci://", "missing registry or repository"},
		{"invalid", "missing registry or repository"},
		{"oci://ghcr.io", "missing registry or repository"},
		{"ghcr.io:443", "missing registry or repository"},
		{"lei-cache:2026-02-08", "missing registry or repository"},
		{"ghcr.io/", "missing registry or repository"},
		{"/a:b", "missing registry or repository"},
		{"oci:///a:b", "missing registry or repository"},
		{"ghcr.io/a/b:", "tag"},
		{"ghcr.io/:tag", "repository"},
		{"ghcr.io/a/", "repository"},
		{"https://ghcr.io/a/b:c", `write "ghcr.io/a/b:c" without "https://"`},
		{"http://ghcr.io/a", `write "ghcr.io/a" without "http://"`},
		{"oci-layout:./lei:v1", "a registry is wanted, and oci-layout: is none"},
		{"oci-archive:lei.tar", "a registry is wanted, and oci-archive: is none"},
		{"oci:ghcr.io/a:b", "write oci:// or no scheme before the registry"},
		{"oci://oci://ghcr.io/a/b:c", `write "ghcr.io/a/b:c" without "oci://"`},
		{"ghcr.io/a/b:c:d", "tag"},
		{"ghcr.io/a/b:c/d", "tag"},
		{"ghcr.io/A/B:c", "repository"},
		{" ghcr.io/a/b:c ", "registry"},
		{"ghcr.io/a/b:c ", "tag"},
		{"ghcr.io/o/../r:t", "repository"},
		{"ghcr.io/./r:t", "repository"},
		{"ghcr.io/a//b:t", "repository"},
		{"ghcr.io/a/b@sha256:abc", "digest"},
		{"ghcr.io/a/b@md5:" + hex64, "digest"},
		{"ghcr.io/a/b@", "digest"},
		{"ghcr.io/a/b:-t", "tag"},
		{"ghcr.io/a/b:" + strings.Repeat("x", 129), "tag"},
		{"ghcr.io/" + strings.Repeat("x", 256), "repository"},
		{"gh_cr.io/a", "registry"},
		{strings.Repeat("x.", 130) + "io/a", "registry"},
		{"ghcr.io:port/a", "registry"},
		{"ghcr.io:65536/a", "port"},
		{"[::1]:99999/a", "port"},
		{"-ghcr.io/a", "registry"},
		{"ghcr.io/a\r\nX-Injected: 1", "repository"},
	} {
		t.Run(tc.in, func(t *testing.T) {
			ref, err := leioci.ParseReference(tc.in)
			if err == nil {
				t.Fatalf("got %v, want an error", ref)
			}
			if !errors.Is(err, leioci.ErrInvalidReference) {
				t.Errorf("%v is not ErrInvalidReference", err)
			}
			for _, says := range []string{tc.says, "registry/repository[:tag]"} {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("%q does not say %q", err, says)
				}
			}
			if strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("%q has more than one line", err)
			}
		})
	}
}

func TestParseReferenceKeepsAPasswordOutOfItsError(t *testing.T) {
	for _, in := range []string{
		"https://user:hunter2@ghcr.io/a/b", "oci://user:hunter2@ghcr.io/a", "user:hunter2@ghcr.io/a", "hunter2@ghcr.io",
		"oci://user:pa/hunter2@ghcr.io/a", "user:12345/hunter2@ghcr.io/a/b:c", "user:p@/hunter2@ghcr.io/a", "https://user:pa/hunter2@ghcr.io/a",
		"user:hunter2/@ghcr.io/a@sha256:" + hex64, "user:pa/hunter2@ghcr.io", "user:pa\n/hunter2@ghcr.io/a", "user:hunter2://x@ghcr.io/a",
		"oci:/user:hunter2@ghcr.io/a", "user:hunter2@ghcr.io/a@sha256:" + hex64,
		"https://user:x/hunter2@ghcr.io/a/b", "oci://user:hunter2/@ghcr.io/a", "user:1/hunter2@ghcr.io/a", "user:1/hunter2@ghcr.io",
		"user:x/hunter2@ghcr.io", "user:x@y/hunter2@ghcr.io/a", "user:x/hunter2@ghcr.io/a@sha256:" + hex64,
	} {
		_, err := leioci.ParseReference(in)
		if err == nil {
			t.Fatalf("%s was accepted", in)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
	}
}

func TestTheErrorForAReferenceWithAWrongDigestShowsIt(t *testing.T) {
	for _, in := range []string{"ghcr.io/a/b@latest", "localhost:5000/a@latest", "[::1]:5000/a:b@sha256:abc", "ghcr.io/A@sha256:" + hex64} {
		if _, err := leioci.ParseReference(in); err == nil || !strings.Contains(err.Error(), strconv.Quote(in)) {
			t.Errorf("%s: got %v", in, err)
		}
	}
}

func TestParseRepositoryRefusesTagAndDigest(t *testing.T) {
	repo, err := leioci.ParseRepository("oci://ghcr.io/org/lei-cache")
	if err != nil || repo.Name() != "ghcr.io/org/lei-cache" {
		t.Fatalf("got %v, %v", repo, err)
	}
	for _, in := range []string{"ghcr.io/a:b", "ghcr.io/a@sha256:" + hex64, "ghcr.io/a:b@sha256:" + hex64, "a", ""} {
		if got, err := leioci.ParseRepository(in); !errors.Is(err, leioci.ErrInvalidReference) {
			t.Errorf("%q: got %v, %v", in, got, err)
		}
	}
}

func FuzzParseReference(f *testing.F) {
	for _, s := range []string{"ghcr.io/a/b:c", "OCI://localhost:5000/a@sha256:" + hex64, "oci://", "[::1]:1/a", "a/b:c@", "https://u:p@h/r"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := leioci.ParseReference(s)
		if err != nil {
			if ref != nil || !errors.Is(err, leioci.ErrInvalidReference) {
				t.Fatalf("%q: %v, %v", s, ref, err)
			}
			return
		}
		// The string form of a valid reference parses to the same reference.
		again, err := leioci.ParseReference(ref.Name())
		if err != nil || again.Name() != ref.Name() {
			t.Fatalf("%q: %s became %v, %v", s, ref.Name(), again, err)
		}
		if _, err := name.ParseReference(ref.Name()); err != nil && strings.ContainsAny(ref.Context().RegistryStr(), ".:") {
			t.Fatalf("%q: go-containerregistry refuses %s: %v", s, ref.Name(), err)
		}
	})
}
