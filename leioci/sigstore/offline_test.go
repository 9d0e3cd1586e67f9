package sigstore_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/sigstore"
)

func TestASignatureIsVerifiedWhereTheSnapshotIsCopiedTo(t *testing.T) {
	for _, api := range []bool{true, false} {
		for _, scheme := range []string{"oci-layout:", "oci-archive:"} {
			w := newWorld(t, api)
			copied := must1(leioci.ParseLocation(scheme + filepath.Join(t.TempDir(), "carried") + ":latest"))(t)
			from := leioci.RegistryLocation(w.repo.Tag("latest"))
			v := must1(sigstore.New(w.instance.Root(), identities()))(t)
			pull := func() (*leioci.PullResult, error) {
				return w.client.PullFrom(t.Context(), copied, filepath.Join(t.TempDir(), "lei"), leioci.WithVerifier(v))
			}
			if _, err := w.client.Copy(t.Context(), from, copied, leioci.WithVerifier(v)); !errors.Is(err, leioci.ErrUntrusted) {
				t.Errorf("%s: a copy of what is not signed: %v", scheme, err)
			}
			must1(w.client.Copy(t.Context(), from, copied))(t)
			if _, err := pull(); !errors.Is(err, leioci.ErrUntrusted) {
				t.Errorf("%s: not signed, got %v", scheme, err)
			}
			w.attach(w.sign())
			must1(w.client.Copy(t.Context(), from, copied, leioci.WithVerifier(v)))(t)
			w.reg.On("", "", leiocitest.Always, leiocitest.Cut()) // the registry is gone
			res, err := pull()
			must(t, err)
			if len(res.Signatures) != 1 {
				t.Errorf("%s: signed: %v", scheme, res.Signatures)
			}
		}
	}
}
