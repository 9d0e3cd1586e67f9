package credential_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci/internal/credential"
)

func TestAHomeThatIsNotADirectoryHasNoCredentials(t *testing.T) {
	reg, err := name.NewRegistry("ghcr.io")
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(t.TempDir(), "null")
	if err := os.WriteFile(home, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	k := credential.Default(environ("HOME="+home, "USERPROFILE="+home))
	if a, err := k.ResolveContext(t.Context(), reg); err != nil || a != authn.Anonymous {
		t.Errorf("got %v, %v", a, err)
	}
}
