package leioci_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestNoPolicyIsAnErrorWhereverItIsGiven(t *testing.T) {
	ref, dir := repository(t, newSignedWorld(t, packageSample(t), true).reg).Tag("latest"), filepath.Join(t.TempDir(), "lei")
	_, pull := newClient(t).PullSnapshot(t.Context(), ref, dir, leioci.WithPolicy(nil))
	_, made := leioci.New(leioci.WithPolicy(nil))
	_, held := leioci.Held(t.Context(), dir, leioci.WithPolicy(nil))
	_, unpack := leioci.Unpack(t.Context(), packageSample(t), dir, leioci.WithPolicy(nil))
	for what, err := range map[string]error{"PullSnapshot": pull, "New": made, "Held": held, "Unpack": unpack} {
		if err == nil {
			t.Errorf("%s takes it", what)
		}
	}
}

func TestAPolicyThatNobodyReadTrustsNothing(t *testing.T) {
	var none *leioci.Policy
	for what, p := range map[string]*leioci.Policy{"nil": none, "zero": {}} {
		for _, s := range []*leioci.Subject{nil, {}} {
			if err := p.Verify(t.Context(), s); err == nil {
				t.Errorf("%s: it trusts %v", what, s)
			}
		}
		if id, age := p.PolicyID(), p.MaxAge(leioci.Location{}); id != "" || age != 0 {
			t.Errorf("%s: named %q, at most %s", what, id, age)
		}
	}
}

// A namedVerifier decides as err says.
type namedVerifier struct {
	id  string
	err error
}

func (v namedVerifier) PolicyID() string                              { return v.id }
func (v namedVerifier) Verify(context.Context, *leioci.Subject) error { return v.err }

func TestTwoPoliciesAreNotTakenForOneWithALongName(t *testing.T) {
	ref, dir := newSignedWorld(t, packageSample(t), true).repo.Tag("latest"), filepath.Join(t.TempDir(), "lei")
	for _, one := range []string{"a\nb", "a b", `a" "b`} {
		_, err := newClient(t).PullSnapshot(t.Context(), ref, dir, leioci.WithVerifier(namedVerifier{one, nil}))
		must(t, err)
		_, err = newClient(t).PullSnapshot(t.Context(), ref, dir,
			leioci.WithVerifier(namedVerifier{"a", nil}), leioci.WithVerifier(namedVerifier{"b", errors.New("no")}))
		trusts(t, one, err, false)
	}
}

func TestWhatARuleAcceptsInOneRepositoryIsNotAcceptedInAnother(t *testing.T) {
	open, closed := newSignedWorld(t, packageSample(t), true), newSignedWorld(t, packageSample(t), true)
	p, err := policyOf(t, rules(`"`+open.reg.Host()+`": {"unsigned": true}, "`+closed.reg.Host()+`": {"keys": ["trusted.pub"]}`))
	must(t, err)
	dir := filepath.Join(t.TempDir(), "lei")
	c := newClient(t, leioci.WithPolicy(p))
	_, err = c.PullSnapshot(t.Context(), open.repo.Tag("latest"), dir)
	must(t, err)
	_, err = c.PullSnapshot(t.Context(), closed.repo.Tag("latest"), dir)
	trusts(t, "the same snapshot, by its tag", err, false)
	_, err = c.PullSnapshot(t.Context(), closed.repo.Digest(closed.digest.String()), dir)
	trusts(t, "the same snapshot, by its digest", err, false)
}

func TestTheAgeInARuleCountsForADirectoryThatWasPulledUnderIt(t *testing.T) {
	w, dir := newSignedWorld(t, packageSample(t), true), filepath.Join(t.TempDir(), "lei")
	rule := func(age string) leioci.PullOption {
		p, err := policyOf(t, rules(`"`+w.reg.Host()+`": {"unsigned": true`+age+`}`))
		must(t, err)
		return leioci.WithPolicy(p)
	}
	_, err := newClient(t).PullSnapshot(t.Context(), w.repo.Tag("latest"), dir, rule(""))
	must(t, err)
	_, err = leioci.Held(t.Context(), dir, rule(""))
	must(t, err)
	if _, err := leioci.Held(t.Context(), dir, rule(`, "max_age": "1h"`)); !errors.Is(err, leioci.ErrStale) {
		t.Errorf("got %v", err)
	}
}

func TestAVerdictOnOneSnapshotIsNoneOnAnother(t *testing.T) {
	w, trusted := newSignedWorld(t, packageSample(t), true), newSigner(t)
	signs(w, trusted)
	v, err := leioci.VerifyKey(trusted.pem())
	must(t, err)
	signed, unsigned := filepath.Join(t.TempDir(), "lei"), filepath.Join(t.TempDir(), "lei")
	_, err = newClient(t).PullSnapshot(t.Context(), w.repo.Tag("latest"), signed, leioci.WithVerifier(v))
	must(t, err)
	other, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, tuesday, report))
	must(t, err)
	_, err = leioci.Unpack(t.Context(), other, unsigned)
	must(t, err)
	verdict, err := os.ReadFile(filepath.Join(signed, "oci-verified.json"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(unsigned, "oci-verified.json"), verdict, 0o644))
	_, err = leioci.Held(t.Context(), unsigned, leioci.WithVerifier(v))
	trusts(t, "the verdict on another", err, false)
}
