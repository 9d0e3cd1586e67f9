package leioci_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// openSnapshot opens the snapshot in dir for the test's duration.
func openSnapshot(t *testing.T, dir string) *snapshot.Snapshot {
	t.Helper()
	s, err := snapshot.Open(dir)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// replaceDir puts another snapshot in a directory's place, as a pull does.
func replaceDir(t *testing.T, dir, other string) {
	t.Helper()
	must(t, errors.Join(os.RemoveAll(dir), os.Rename(other, dir)))
}

func digestOf(t *testing.T, img v1.Image, err error) v1.Hash {
	t.Helper()
	must(t, err)
	digest, err := img.Digest()
	must(t, err)
	return digest
}

func TestPackageSnapshotGivesTheSameImageAsPackage(t *testing.T) {
	byName, err := leioci.Package(t.Context(), sampleDir)
	want := digestOf(t, byName, err)
	img, err := leioci.PackageSnapshot(t.Context(), openSnapshot(t, sampleDir))
	if got := digestOf(t, img, err); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWhatWasVerifiedIsPushedEvenIfTheDirectoryIsReplaced(t *testing.T) {
	for name, replaceBefore := range map[string]bool{"before it is packaged": true, "while it is pushed": false} {
		t.Run(name, func(t *testing.T) {
			dir := leiocitest.WriteSnapshot(t, monday, `{"data":{"repo":"https://example.org/a"}}`)
			other := leiocitest.WriteSnapshot(t, tuesday, `not a report`)
			img, err := leioci.Package(t.Context(), dir)
			want := digestOf(t, img, err)
			s := openSnapshot(t, dir)
			must(t, s.Verify(t.Context()))
			reg := leiocitest.NewRegistry(t)
			c, repo := newClient(t), repository(t, reg)
			if replaceBefore {
				replaceDir(t, dir, other)
			}
			img, err = leioci.PackageSnapshot(t.Context(), s)
			if got := digestOf(t, img, err); got != want {
				t.Fatalf("got %s, want %s", got, want)
			}
			if !replaceBefore {
				reg.On(http.MethodPost, "/blobs/uploads/", 1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					replaceDir(t, dir, other)
					next.ServeHTTP(w, r)
				})
			}
			_, err = c.PushSnapshot(t.Context(), repo, leioci.GenerateTags(s.Metadata().Date), img)
			must(t, err)
			pulled := filepath.Join(t.TempDir(), "pulled")
			res, err := c.PullSnapshot(t.Context(), repo.Tag("2026-02-09"), pulled, leioci.VerifyReports())
			if err != nil || res.Ref.DigestStr() != want.String() || !res.Date.Equal(monday) {
				t.Errorf("got %+v, %v", res, err)
			}
		})
	}
}

func TestALayerIsSentFromItsBeginningAtEachTry(t *testing.T) {
	s := openSnapshot(t, sampleDir)
	img, err := leioci.PackageSnapshot(t.Context(), s)
	must(t, err)
	reg := leiocitest.NewRegistry(t)
	fault := reg.On(http.MethodPut, "/blobs/uploads/", 3, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.CopyN(io.Discard, r.Body, 50)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	c := newClient(t, leioci.WithRetry(leioci.RetryPolicy{MinDelay: 1, MaxDelay: 1}))
	_, err = c.PushSnapshot(t.Context(), repository(t, reg), []string{"latest"}, img)
	must(t, err)
	if fault.Hits() != 3 {
		t.Errorf("%d uploads failed", fault.Hits())
	}
	pulled := filepath.Join(t.TempDir(), "pulled")
	_, err = c.PullSnapshot(t.Context(), repository(t, reg).Tag("latest"), pulled)
	must(t, err)
	assertSame(t, sampleDir, pulled, "manifest.json", "cache.jsonl.gz")
}

func TestAFileThatWasWrittenToSinceTheSnapshotWasOpenedIsAnError(t *testing.T) {
	for _, name := range []string{"manifest.json", "cache.jsonl.gz"} {
		for how, change := range map[string]func(path string) error{
			"longer":  func(path string) error { return os.Truncate(path, 1<<20) },
			"shorter": func(path string) error { return os.Truncate(path, 1) },
			"other":   func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1, 0)) },
		} {
			dir := leiocitest.WriteSnapshot(t, monday, `{"data":{"repo":"https://example.org/a"}}`)
			s := openSnapshot(t, dir)
			img, err := leioci.PackageSnapshot(t.Context(), s)
			must(t, err)
			must(t, change(filepath.Join(dir, name)))
			if _, err := leioci.PackageSnapshot(t.Context(), s); !errors.Is(err, leioci.ErrVerification) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s, %s: PackageSnapshot: got %v", name, how, err)
			}
			if _, err := leioci.Unpack(t.Context(), img, filepath.Join(t.TempDir(), "new")); !errors.Is(err, leioci.ErrVerification) {
				t.Errorf("%s, %s: Unpack: got %v", name, how, err)
			}
		}
	}
}

func TestAnImageOfADirectoryThatWasReplacedIsAnError(t *testing.T) {
	for how, change := range map[string]func(dir string) error{
		"removed":  os.RemoveAll,
		"moved":    func(dir string) error { return os.Rename(dir, dir+".old") },
		"replaced": func(dir string) error { return errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(sampleDir))) },
		"replaced by a file": func(dir string) error {
			return errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o600))
		},
		"replaced by a link": func(dir string) error {
			return errors.Join(os.Rename(dir, dir+".old"), os.Symlink(sampleDir, dir))
		},
		"a link in place of a file": func(dir string) error {
			path := filepath.Join(dir, "cache.jsonl.gz")
			return errors.Join(os.Remove(path), os.Symlink(filepath.Join(sampleDir, "cache.jsonl.gz"), path))
		},
		"a directory in place of a file": func(dir string) error {
			path := filepath.Join(dir, "cache.jsonl.gz")
			return errors.Join(os.Remove(path), os.Mkdir(path, 0o700))
		},
	} {
		dir := leiocitest.WriteSnapshot(t, monday)
		img, err := leioci.Package(t.Context(), dir)
		must(t, err)
		must(t, change(dir))
		layers, err := img.Layers()
		must(t, err)
		if _, err := layers[1].Compressed(); !errors.Is(err, leioci.ErrVerification) {
			t.Errorf("%s: got %v", how, err)
		}
	}
}

func TestPackageFollowsNoLinkOutOfTheDirectory(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "id_ed25519")
	must(t, os.WriteFile(secret, []byte("secret"), 0o600))
	for _, name := range []string{"manifest.json", "cache.jsonl.gz"} {
		for _, target := range []string{secret, "../" + filepath.Base(filepath.Dir(secret)) + "/id_ed25519", "sub/id_ed25519", "/proc/self/environ"} {
			dir := leiocitest.WriteSnapshot(t, monday)
			path := filepath.Join(dir, name)
			must(t, errors.Join(os.Remove(path), os.Symlink(target, path), os.Symlink(filepath.Dir(secret), filepath.Join(dir, "sub"))))
			if _, err := leioci.Package(t.Context(), dir); !errors.Is(err, leioci.ErrNotSnapshot) {
				t.Errorf("%s is a link to %s: got %v", name, target, err)
			}
		}
	}
}

func TestASnapshotFromTheFutureIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // whose clock can be set
		version := func(v string) leioci.PackageOption {
			return leioci.Annotations(map[string]string{"org.opencontainers.image.version": v})
		}
		for _, test := range []struct {
			clock time.Duration
			date  string
			opts  []leioci.PackageOption
			want  error
		}{
			{0, "2029-12-31", nil, nil},
			{0, "2030-01-01", nil, nil},
			{0, "2030-01-02", nil, nil},
			{0, "2030-01-03", nil, leioci.ErrFuture},
			{0, "9999-12-31", nil, leioci.ErrFuture},
			{0, "9999-12-31", []leioci.PackageOption{leioci.PackageFuture()}, nil},
			{0, "2030-01-01", []leioci.PackageOption{version("9999-12-31")}, leioci.ErrFuture},
			{0, "2030-01-01", []leioci.PackageOption{version("9999-12-31"), leioci.PackageFuture()}, nil},
			{0, "2030-01-01", []leioci.PackageOption{version("1.0")}, nil},
			{0, "2030-01-03", []leioci.PackageOption{version("2030-01-01")}, leioci.ErrFuture},
			{24*time.Hour - 1, "2030-01-03", nil, leioci.ErrFuture},
			{24 * time.Hour, "2030-01-03", nil, nil},
		} {
			date, err := time.Parse(time.DateOnly, test.date)
			must(t, err)
			time.Sleep(time.Until(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).Add(test.clock)))
			dir := leiocitest.WriteSnapshot(t, date)
			_, err = leioci.Package(t.Context(), dir, test.opts...)
			if !errors.Is(err, test.want) || err != nil && !strings.Contains(err.Error(), "PackageFuture") {
				t.Errorf("%s after %v: got %v", test.date, test.clock, err)
			}
		}
	})
}

func TestPackageRefusesWhatNoPushCouldPublish(t *testing.T) {
	many := map[string]string{}
	for i := range 100_000 {
		many[fmt.Sprint(i)] = ""
	}
	for name, test := range map[string]struct {
		opt  leioci.PackageOption
		want error
	}{
		"no time":                  {leioci.Created(time.Time{}), nil},
		"a year of five digits":    {leioci.Created(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)), nil},
		"such a year in UTC":       {leioci.Created(time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -7200))), nil},
		"a year before 0":          {leioci.Created(time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)), nil},
		"a version with an escape": {leioci.LEIVersion("1.0\x1b[2J"), nil},
		"a version not UTF-8":      {leioci.LEIVersion("1.0\xff"), nil},
		"a long version":           {leioci.LEIVersion(strings.Repeat("1", 1000)), nil},
		"an empty key":             {leioci.Annotations(map[string]string{"": "x"}), nil},
		"a key not UTF-8":          {leioci.Annotations(map[string]string{"\xff": "x"}), nil},
		"a value not UTF-8":        {leioci.Annotations(map[string]string{"x": "\xff"}), nil},
		"a huge value":             {leioci.Annotations(map[string]string{"x": strings.Repeat("x", 4<<20)}), leioci.ErrTooLarge},
		"too many":                 {leioci.Annotations(many), leioci.ErrTooLarge},
		"a nil option":             {nil, nil},
	} {
		img, err := leioci.Package(t.Context(), sampleDir, test.opt)
		if err == nil || test.want != nil && !errors.Is(err, test.want) || len(err.Error()) > 500 {
			t.Errorf("%s: got %v, %v", name, img, err)
		}
	}
	if _, err := leioci.Package(t.Context(), sampleDir, leioci.Annotations(nil)); err != nil {
		t.Error(err)
	}
	if _, err := leioci.Package(t.Context(), ""); !errors.Is(err, leioci.ErrNotSnapshot) {
		t.Errorf("no directory: got %v", err)
	}
	dir := leiocitest.WriteSnapshot(t, monday)
	must(t, os.Truncate(filepath.Join(dir, "manifest.json"), snapshot.MaxManifestBytes+1))
	if _, err := leioci.Package(t.Context(), dir); !errors.Is(err, leioci.ErrTooLarge) {
		t.Errorf("a huge manifest.json: got %v", err)
	}
	dir = leiocitest.WriteSnapshot(t, monday)
	manifest := strings.Replace(string(readFile(t, dir, "manifest.json")), "0.9.1", `\u001b[2J`, 1)
	must(t, os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(manifest), 0o600))
	if _, err := leioci.Package(t.Context(), dir); !errors.Is(err, leioci.ErrNotSnapshot) {
		t.Errorf("a version that clears the screen: got %v", err)
	}
}

func TestPackageSnapshotWantsAnOpenSnapshotAndAContextThatLasts(t *testing.T) {
	if _, err := leioci.PackageSnapshot(t.Context(), nil); err == nil {
		t.Error("took no snapshot")
	}
	s := openSnapshot(t, sampleDir)
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	cancel(stop)
	if _, err := leioci.PackageSnapshot(ctx, s); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if _, err := leioci.Package(ctx, sampleDir); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	img, err := leioci.PackageSnapshot(t.Context(), s)
	must(t, err)
	must(t, s.Close())
	if _, err := leioci.PackageSnapshot(t.Context(), s); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := leioci.Unpack(t.Context(), img, filepath.Join(t.TempDir(), "new")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
