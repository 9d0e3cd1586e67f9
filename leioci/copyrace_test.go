package leioci_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// during copies to dst, while do is done, once, when the blobs are being read.
func during(t testing.TB, from *leiocitest.Registry, src, dst leioci.Location, do func(), opts ...leioci.CopyOption) error {
	t.Helper()
	reading := from.On(http.MethodGet, "/blobs/", 1, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		do()
		registry.ServeHTTP(w, r)
	})
	_, err := newClient(t).Copy(t.Context(), src, dst, opts...)
	if reading.Hits() != 1 {
		t.Errorf("%d hits", reading.Hits())
	}
	return err
}

func TestATagThatIsMadeDuringACopyIsNotOverwritten(t *testing.T) {
	c, from, to := newClient(t), leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
	src, other, dst := repository(t, from), inRegistry(t, from, "other/lei"), repository(t, to)
	putImage(t, src, "v1", "copied", nil)
	there := putImage(t, other, "v1", "made by another", nil)
	dir := t.TempDir()
	for _, at := range []leioci.Location{
		locate(t, dst, ""), parseLocation(t, "oci-layout:"+filepath.Join(dir, "lei")),
	} {
		err := during(t, from, locate(t, src, ":v1"), at, func() {
			if _, err := c.Copy(t.Context(), locate(t, other, ":v1"), at); err != nil {
				t.Error(err)
			}
		}, leioci.NoOverwrite())
		if !errors.Is(err, leioci.ErrTagExists) {
			t.Errorf("%s: got %v", at, err)
		}
		if got := digestAt(t, c, at.At("v1")); got != there.Digest {
			t.Errorf("%s: it holds %s", at, got)
		}
	}
}

func TestATagOfALayoutThatMovesDuringACopyIsNotMovedBack(t *testing.T) {
	c, from := newClient(t), leiocitest.NewRegistry(t)
	src, newer := repository(t, from), inRegistry(t, from, "newer/lei")
	_, err := c.PushSnapshot(t.Context(), src, []string{"latest"}, dateless(t, monday))
	must(t, err)
	ref, err := c.PushSnapshot(t.Context(), newer, []string{"latest"}, dateless(t, tuesday))
	must(t, err)
	at := parseLocation(t, "oci-layout:"+filepath.Join(t.TempDir(), "lei"))
	err = during(t, from, locate(t, src, ""), at, func() {
		if _, err := c.Copy(t.Context(), locate(t, newer, ""), at); err != nil {
			t.Error(err)
		}
	})
	if !errors.Is(err, leioci.ErrOlder) {
		t.Errorf("got %v", err)
	}
	if got := digestAt(t, c, at.At("latest")); got.String() != ref.DigestStr() {
		t.Errorf("it holds %s", got)
	}
}

// digestAt returns the digest of what a location names.
func digestAt(t testing.TB, c *leioci.Client, at leioci.Location) v1.Hash {
	t.Helper()
	r, err := c.Open(t.Context(), at)
	must(t, err)
	defer func() { must(t, r.Close()) }()
	d, _, err := r.Manifest(t.Context(), "")
	must(t, err)
	return d.Digest
}

// replacer puts other files in the place of one: the next whenever a message has a word.
type replacer struct {
	t     *testing.T
	path  string
	steps []replacement
}

type replacement struct{ word, with string }

// Levels implements [logrus.Hook].
func (*replacer) Levels() []logrus.Level { return logrus.AllLevels }

// Fire implements [logrus.Hook].
func (r *replacer) Fire(e *logrus.Entry) error {
	if len(r.steps) > 0 && strings.Contains(e.Message, r.steps[0].word) {
		if err := os.Rename(r.steps[0].with, r.path); err != nil {
			r.t.Error(err)
		}
		r.steps = r.steps[1:]
	}
	return nil
}

// TestATagIsLookedAtAgainIfAnArchiveIsReplacedDuringItsCommit has a program that locks nothing replace
// the archive twice: before the commit, and during it. The date of what is copied is in a blob.
func TestATagIsLookedAtAgainIfAnArchiveIsReplacedDuringItsCommit(t *testing.T) {
	for name, tc := range map[string]struct {
		there time.Time
		want  error
	}{
		"older": {monday.AddDate(0, 0, -1), nil},
		"newer": {tuesday, leioci.ErrOlder},
	} {
		c, dir := newClient(t), t.TempDir()
		at := func(file string) leioci.Location { return parseLocation(t, "oci-archive:"+filepath.Join(dir, file)) }
		_, err := c.PushTo(t.Context(), at("src.tar"), []string{"latest"}, dateless(t, monday))
		must(t, err)
		from := leiocitest.NewRegistry(t)
		putImage(t, repository(t, from), "latest", "no snapshot", nil)
		_, err = c.Copy(t.Context(), locate(t, repository(t, from), ""), at("other.tar"))
		must(t, err)
		_, err = c.PushTo(t.Context(), at("there.tar"), []string{"latest"}, dateless(t, tc.there))
		must(t, err)
		steps := &replacer{t: t, path: at("dst.tar").Path(), steps: []replacement{
			{"tagged", at("other.tar").Path()}, {"not a snapshot", at("there.tar").Path()},
		}}
		log := logrus.New()
		log.SetOutput(io.Discard)
		log.AddHook(steps)
		_, err = newClient(t, leioci.WithLogger(log)).Copy(t.Context(), at("src.tar"), at("dst.tar"))
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v", name, err)
		}
		if len(steps.steps) > 0 {
			t.Errorf("%s: the archive was not replaced twice", name)
		}
	}
}

// TestATagIsLookedAtWhereItIsMade has another program make the tag during a copy, and then something
// else be under the path that the copy was given.
func TestATagIsLookedAtWhereItIsMade(t *testing.T) {
	c, from := newClient(t), leiocitest.NewRegistry(t)
	src, other := repository(t, from), inRegistry(t, from, "other/lei")
	putImage(t, src, "v1", "copied", nil)
	there := putImage(t, other, "v1", "made by another", nil)
	chdir := func() error { return os.Chdir("elsewhere") }
	for name, tc := range map[string]struct {
		scheme string
		change func() error
	}{
		"a layout, and another working directory":   {"oci-layout:", chdir},
		"an archive, and another working directory": {"oci-archive:", chdir},
		"an archive, and another symbolic link": {"oci-archive:", func() error {
			return errors.Join(os.Remove("lei"), os.Symlink("third", "lei"))
		}},
	} {
		dir := t.TempDir()
		t.Chdir(dir)
		must(t, errors.Join(os.Mkdir("elsewhere", 0o700), os.Symlink("second", "lei")))
		if tc.scheme == "oci-layout:" {
			must(t, os.Mkdir("second", 0o700))
		} else {
			must(t, os.WriteFile("second", nil, 0o600))
		}
		at := func(name string) leioci.Location { return parseLocation(t, tc.scheme+filepath.Join(dir, name)) }
		_, err := c.Copy(t.Context(), locate(t, other, ":v1"), at("made"))
		must(t, err)
		err = during(t, from, locate(t, src, ":v1"), parseLocation(t, tc.scheme+"lei"), func() {
			err := error(nil)
			if tc.scheme == "oci-archive:" {
				err = os.Rename("made", "second")
			}
			if tc.scheme == "oci-layout:" {
				_, err = c.Copy(t.Context(), at("made"), at("second"))
			}
			if err = errors.Join(err, tc.change()); err != nil {
				t.Error(err)
			}
		}, leioci.NoOverwrite())
		if !errors.Is(err, leioci.ErrTagExists) {
			t.Errorf("%s: got %v", name, err)
		}
		if got := digestAt(t, c, at("second").At("v1")); got != there.Digest {
			t.Errorf("%s: it holds %s", name, got)
		}
	}
}
