package leioci_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// localPlaces returns a layout and an archive that do not exist yet.
func localPlaces(t testing.TB) []leioci.Location {
	t.Helper()
	dir := t.TempDir()
	return []leioci.Location{
		parseLocation(t, "oci-layout:"+filepath.Join(dir, "layout")),
		parseLocation(t, "oci-archive:"+filepath.Join(dir, "archive.tar")),
	}
}

// pushDay pushes a snapshot of a day to a location.
func pushDay(t testing.TB, c *leioci.Client, to leioci.Location, day string, tags []string, opts ...leioci.PushOption) (string, error) {
	t.Helper()
	date, err := time.Parse(time.DateOnly, day)
	must(t, err)
	dir := leiocitest.WriteSnapshot(t, date, `{"data":{"repo":"https://github.com/org/`+day+`","risk":"low"}}`)
	s, err := snapshot.Open(dir)
	must(t, err)
	defer func() { must(t, s.Close()) }()
	img, err := leioci.PackageSnapshot(t.Context(), s, leioci.PackageFuture())
	must(t, err)
	digest, err := c.PushTo(t.Context(), to, tags, img, opts...)
	return digest.String(), err
}

func TestWhatIsPushedToAFileIsPulledFromIt(t *testing.T) {
	c := newClient(t)
	reg := leiocitest.NewRegistry(t)
	places := append(localPlaces(t), locate(t, repository(t, reg), ""))
	digests := map[string]bool{}
	for _, place := range places {
		digest, err := pushDay(t, c, place, "2026-02-08", []string{"2026-02-08", "latest", "weekly"})
		must(t, err)
		digests[digest] = true
		for _, at := range []leioci.Location{place, place.At("latest"), place.At("2026-02-08"), place.At(digest)} {
			dir := filepath.Join(t.TempDir(), "lei")
			res, err := c.PullFrom(t.Context(), at, dir, leioci.VerifyReports())
			must(t, err)
			if res.Digest.String() != digest || res.From != place.At(digest) || res.UpToDate || res.BytesFetched == 0 || res.Date.Format(time.DateOnly) != "2026-02-08" {
				t.Errorf("%s: %+v", at, res)
			}
			again, err := c.PullFrom(t.Context(), at, dir)
			must(t, err)
			if !again.UpToDate || again.BytesFetched != 0 || again.Digest != res.Digest || again.From != res.From {
				t.Errorf("%s again: %+v", at, again)
			}
		}
	}
	if len(digests) != 1 {
		t.Errorf("the digests are %v", digests)
	}
}

func TestAPullFromAFileRefusesWhatAPullFromARegistryRefuses(t *testing.T) {
	c := newClient(t)
	for _, place := range localPlaces(t) {
		dir := filepath.Join(t.TempDir(), "lei")
		old, err := pushDay(t, c, place, "2026-02-07", []string{"2026-02-07", "old"})
		must(t, err)
		_, err = pushDay(t, c, place, "2026-02-08", []string{"2026-02-08", "latest"})
		must(t, err)
		_, err = c.PullFrom(t.Context(), place, dir)
		must(t, err)
		for name, tc := range map[string]struct {
			at   leioci.Location
			opts []leioci.PullOption
			want error
		}{
			"an older one under a moving tag": {place.At("old"), nil, leioci.ErrOlder},
			"one that is too old":             {place, []leioci.PullOption{leioci.MaxAge(time.Hour)}, leioci.ErrStale},
			"an absent tag":                   {place.At("none"), nil, leioci.ErrNotFound},
			"an absent digest":                {place.At(someDigest), nil, leioci.ErrNotFound},
			"no tag":                          {place.At("a b"), nil, leioci.ErrInvalidReference},
		} {
			if _, err := c.PullFrom(t.Context(), tc.at, dir, tc.opts...); !errors.Is(err, tc.want) {
				t.Errorf("%s: %s: %v", place, name, err)
			}
		}
		if _, err := c.PullFrom(t.Context(), place, dir, nil); err == nil {
			t.Error("a nil option was accepted")
		}
		res, err := c.PullFrom(t.Context(), place.At("old"), dir, leioci.AllowOlder())
		if err != nil || res.Digest.String() != old {
			t.Errorf("%s: with AllowOlder: %+v, %v", place, res, err)
		}
		if _, err = c.PullFrom(t.Context(), place.At("2026-02-07"), dir); err != nil {
			t.Errorf("%s: a dated tag: %v", place, err)
		}
	}
}

func TestAPushToAFileRefusesWhatAPushToARegistryRefuses(t *testing.T) {
	c := newClient(t)
	for _, place := range localPlaces(t) {
		newest, err := pushDay(t, c, place, "2026-02-08", []string{"2026-02-08", "latest"})
		must(t, err)
		tomorrow := time.Now().UTC().AddDate(0, 0, 3).Format(time.DateOnly)
		for name, tc := range map[string]struct {
			to   leioci.Location
			day  string
			tags []string
			opts []leioci.PushOption
			want error
		}{
			"a tag that moves back":      {place, "2026-02-07", []string{"2026-02-07", "latest"}, nil, leioci.ErrOlder},
			"a tag that is held":         {place, "2026-02-09", []string{"2026-02-09", "latest"}, []leioci.PushOption{leioci.NoOverwrite()}, leioci.ErrTagExists},
			"no tags":                    {place, "2026-02-09", nil, nil, leioci.ErrInvalidReference},
			"a tag twice":                {place, "2026-02-09", []string{"a", "a"}, nil, leioci.ErrInvalidReference},
			"an invalid tag":             {place, "2026-02-09", []string{"../a"}, nil, leioci.ErrInvalidReference},
			"a digest":                   {place.At(someDigest), "2026-02-09", nil, nil, leioci.ErrInvalidReference},
			"tags, and one of the place": {place.At("x"), "2026-02-09", []string{"y"}, nil, leioci.ErrInvalidReference},
			"a future date":              {place, tomorrow, []string{"latest"}, nil, leioci.ErrFuture},
		} {
			if _, err := pushDay(t, c, tc.to, tc.day, tc.tags, tc.opts...); !errors.Is(err, tc.want) {
				t.Errorf("%s: %s: %v", place, name, err)
			}
		}
		r, err := c.Open(t.Context(), place)
		must(t, err)
		d, _, err := r.Manifest(t.Context(), "")
		tags, tagsErr := r.Tags(t.Context())
		must(t, errors.Join(err, tagsErr, r.Close()))
		if d.Digest.String() != newest || len(tags) != 2 {
			t.Errorf("%s: latest is %s, the tags are %v", place, d.Digest, tags)
		}
		old, err := pushDay(t, c, place.At("latest"), "2026-02-07", nil, leioci.AllowMoveBack())
		must(t, err)
		if res, err := c.PullFrom(t.Context(), place, filepath.Join(t.TempDir(), "lei")); err != nil || res.Digest.String() != old {
			t.Errorf("%s: moved back: %+v, %v", place, res, err)
		}
	}
}

func TestACopyRefusesWhatAPushRefuses(t *testing.T) {
	c := newClient(t)
	from := localPlaces(t)[1]
	old, err := pushDay(t, c, from, "2026-02-07", []string{"2026-02-07", "latest"})
	must(t, err)
	for _, to := range append(localPlaces(t), locate(t, repository(t, leiocitest.NewRegistry(t)), "")) {
		_, err := pushDay(t, c, to, "2026-02-08", []string{"latest"})
		must(t, err)
		if _, err := c.Copy(t.Context(), from, to); !errors.Is(err, leioci.ErrOlder) {
			t.Errorf("%s: got %v", to, err)
		}
		if _, err := c.Copy(t.Context(), from, to, leioci.AllTags()); !errors.Is(err, leioci.ErrOlder) {
			t.Errorf("%s, all tags: got %v", to, err)
		}
		if _, err := c.Copy(t.Context(), from, to, leioci.NoOverwrite(), leioci.AllowMoveBack()); !errors.Is(err, leioci.ErrTagExists) {
			t.Errorf("%s, without overwriting: got %v", to, err)
		}
		r, err := c.Open(t.Context(), to)
		must(t, err)
		if _, _, err := r.Manifest(t.Context(), "2026-02-07"); !errors.Is(err, leioci.ErrNotFound) {
			t.Errorf("%s: something was copied: %v", to, err)
		}
		must(t, r.Close())
		res, err := c.Copy(t.Context(), from, to, leioci.AllTags(), leioci.AllowMoveBack())
		must(t, err)
		if len(res.Tags) != 2 || res.Tags[0].Tag != "2026-02-07" || res.Tags[1].Tag != "latest" || res.Tags[1].Digest.String() != old {
			t.Errorf("%s: got %+v", to, res)
		}
	}
}

func TestPlacesRefuseWhatTheyCannotBeAskedFor(t *testing.T) {
	c := newClient(t)
	place := localPlaces(t)[0]
	_, err := pushDay(t, c, place, "2026-02-08", []string{"latest"})
	must(t, err)
	if _, err := c.Open(t.Context(), leioci.Location{}); !errors.Is(err, leioci.ErrInvalidReference) {
		t.Errorf("the zero location: %v", err)
	}
	for _, pair := range [][2]leioci.Location{{{}, place}, {place, {}}, {place, place.At(someDigest)}, {place.At("../x"), place}} {
		if _, err := c.Copy(t.Context(), pair[0], pair[1]); !errors.Is(err, leioci.ErrInvalidReference) {
			t.Errorf("%s to %s: %v", pair[0], pair[1], err)
		}
	}
	for _, pair := range [][2]leioci.Location{{place.At("latest"), place}, {place, place.At("x")}} {
		if _, err := c.Copy(t.Context(), pair[0], pair[1], leioci.AllTags()); !errors.Is(err, leioci.ErrInvalidReference) {
			t.Errorf("all tags, %s to %s: %v", pair[0], pair[1], err)
		}
	}
	if _, err := c.Copy(t.Context(), place, place, nil); err == nil {
		t.Error("a nil option was accepted")
	}
	var none *leioci.Client
	if _, err := none.Copy(t.Context(), place, place); err == nil {
		t.Error("a nil client copies")
	}
	r, err := c.Open(t.Context(), place)
	must(t, err)
	defer func() { must(t, r.Close()) }()
	for _, id := range []string{"../x", "a b", "sha256:12", "sha256:" + someDigest} {
		if _, _, err := r.Manifest(t.Context(), id); !errors.Is(err, leioci.ErrInvalidReference) {
			t.Errorf("%q: %v", id, err)
		}
	}
}
