package main

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/sigstore/sigstoretest"
)

const (
	issuer  = "https://token.actions.githubusercontent.com"
	subject = "https://github.com/org/lei/.github/workflows/publish.yml@refs/heads/main"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// publish pushes a snapshot, signs it, and returns its reference and the file of the trusted root.
func publish(t *testing.T) (ref, file string) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	reg := leiocitest.NewRegistry(t)
	repo, err := leioci.ParseRepository(reg.Host() + "/org/lei-cache")
	must(t, err)
	day := time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC)
	img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, day, `{"data":{"repo":"https://example.org/a","risk":"low"}}`))
	must(t, err)
	client, err := leioci.New()
	must(t, err)
	_, err = client.PushSnapshot(t.Context(), repo, []string{"latest"}, img)
	must(t, err)
	digest, err := img.Digest()
	must(t, err)
	instance, err := sigstoretest.New()
	must(t, err)
	bundle, err := instance.Sign(subject, issuer, digest)
	must(t, err)
	must(t, sigstoretest.Attach(t.Context(), http.DefaultTransport, repo, digest, bundle))
	file = filepath.Join(t.TempDir(), "trusted_root.json")
	must(t, os.WriteFile(file, instance.Root(), 0o600))
	return repo.Tag("latest").String(), file
}

func TestOnlyWhatTheIdentityHasSignedIsPulled(t *testing.T) {
	ref, file := publish(t)
	dir := filepath.Join(t.TempDir(), "lei")
	for _, wrong := range [][]string{
		{"-issuer", issuer, "-subject", "other@example.org"},
		{"-issuer", "https://example.org", "-subject", subject},
		{"-issuer", issuer, "-subject-regexp", "https://github.com/org"},
	} {
		err := run(t.Context(), append(append([]string{"-trusted-root", file}, wrong...), ref, dir), os.Stderr)
		if !errors.Is(err, leioci.ErrUntrusted) || !strings.Contains(err.Error(), subject) {
			t.Errorf("%v: got %v", wrong, err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: there is a directory: %v", wrong, err)
		}
	}
	var out strings.Builder
	must(t, run(t.Context(), []string{"-trusted-root", file, "-issuer", issuer, "-subject", subject, ref, dir}, &out))
	for _, want := range []string{"pulled     ", "@sha256:", "signed by  " + subject + " (" + issuer + "), 20"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	ref, file := publish(t)
	for want, args := range map[string][]string{
		"usage":      {"-issuer", issuer, "-subject", subject, ref},
		"no subject": {"-trusted-root", file, "-issuer", issuer, ref, "lei"},
		"no issuer":  {"-trusted-root", file, "-subject", subject, ref, "lei"},
		"no-file":    {"-trusted-root", "no-file", "-issuer", issuer, "-subject", subject, ref, "lei"},
	} {
		if err := run(t.Context(), args, os.Stderr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}
