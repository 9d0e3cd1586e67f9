package leioci_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// inTime is a day that the clock of a bubble reaches, and that no clock which is right can be before.
var inTime = time.Date(2027, 2, 7, 0, 0, 0, 0, time.UTC)

// limited packages a snapshot of a day that is good for two days, and followed by one on the next.
func limited(t *testing.T, date time.Time) v1.Image {
	t.Helper()
	img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, date, report),
		leioci.ValidUntil(date.Add(48*time.Hour)), leioci.NextUpdate(date.Add(24*time.Hour)))
	must(t, err)
	return img
}

// put pushes an image to a host under latest, whatever is there.
func (w *mirrorWorld) put(host string, img v1.Image) {
	w.t.Helper()
	_, err := w.client().PushSnapshot(w.t.Context(), w.repos[host], []string{"latest"}, img, leioci.AllowMoveBack(), leioci.PushFuture())
	must(w.t, err)
}

// putAnnotated does the same with an annotation that Package does not write.
func (w *mirrorWorld) putAnnotated(host string, img v1.Image, annotation, value string) {
	w.t.Helper()
	m, err := img.Manifest()
	must(w.t, err)
	m = m.DeepCopy()
	m.Annotations[annotation] = value
	raw, err := json.Marshal(m)
	must(w.t, err)
	layers, err := img.Layers()
	must(w.t, err)
	config, err := partial.ConfigLayer(img)
	must(w.t, err)
	_, err = w.client().Push(w.t.Context(), w.repos[host], []string{"latest"}, raw, append(layers, config))
	must(w.t, err)
}

func TestASnapshotThatHasExpiredIsRefusedBeforeAnyBlobIsFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		time.Sleep(time.Until(inTime))
		w.put(mainHost, limited(t, inTime))
		ref, dir := w.repos[mainHost].Tag("latest"), filepath.Join(t.TempDir(), "lei")
		time.Sleep(48 * time.Hour)
		res, err := w.client().PullSnapshot(t.Context(), ref, dir)
		must(t, err)
		if !res.ValidUntil.Equal(inTime.Add(48*time.Hour)) || !res.NextUpdate.Equal(inTime.Add(24*time.Hour)) {
			t.Errorf("the result says until %v, next %v", res.ValidUntil, res.NextUpdate)
		}
		time.Sleep(time.Second)
		before, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
		must(t, err)
		for name, dir := range map[string]string{"a new directory": filepath.Join(t.TempDir(), "lei"), "one that has it": dir} {
			fetched := requestCount(w.hosts[mainHost], "GET /v2/org/lei-cache/blobs/")
			if _, err := w.client().PullSnapshot(t.Context(), ref, dir); !errors.Is(err, leioci.ErrStale) {
				t.Errorf("%s: got %v", name, err)
			}
			if _, err := w.client().PullSnapshot(t.Context(), ref, dir, leioci.MaxAge(100*time.Hour)); !errors.Is(err, leioci.ErrStale) {
				t.Errorf("%s, where that age is accepted: got %v", name, err)
			}
			if n := requestCount(w.hosts[mainHost], "GET /v2/org/lei-cache/blobs/"); n != fetched {
				t.Errorf("%s: %d blobs were fetched", name, n-fetched)
			}
			if _, err := w.client().PullSnapshot(t.Context(), ref, dir, leioci.ClockAllowance(time.Minute)); err != nil {
				t.Errorf("%s, with an allowance: %v", name, err)
			}
		}
		if after, err := os.ReadFile(filepath.Join(dir, "manifest.json")); err != nil || string(after) != string(before) {
			t.Errorf("the directory was changed: %v", err)
		}
	})
}

func TestAnImageThatHasExpiredIsNotUnpacked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(inTime.Add(49 * time.Hour)))
		if _, err := leioci.Unpack(t.Context(), limited(t, inTime), filepath.Join(t.TempDir(), "lei")); !errors.Is(err, leioci.ErrStale) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAMirrorThatWasFrozenIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		time.Sleep(time.Until(inTime))
		w.put(mirrorA, limited(t, inTime))
		w.hosts[mirrorB].On("", "", leiocitest.Always, leiocitest.Status(http.StatusServiceUnavailable, ""))
		ref, dir := w.repos[mainHost].Tag("latest"), filepath.Join(t.TempDir(), "lei")
		pull := func() (*leioci.PullResult, error) {
			return w.client(w.mirrors()).PullSnapshot(t.Context(), ref, dir)
		}
		res, err := pull()
		if err != nil || res.Source != w.repos[mirrorA] {
			t.Fatalf("got %+v, %v", res, err)
		}
		time.Sleep(72 * time.Hour)
		w.put(mainHost, limited(t, inTime.Add(72*time.Hour)))
		res, err = pull()
		if err != nil || res.Source != w.repos[mainHost] || res.UpToDate {
			t.Errorf("got %+v, %v", res, err)
		}
		time.Sleep(72 * time.Hour)
		if _, err = pull(); !errors.Is(err, leioci.ErrStale) {
			t.Errorf("all are frozen: got %v", err)
		}
	})
}

func TestATimeThatCannotBeReadIsNoLicence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		time.Sleep(time.Until(inTime))
		for _, annotation := range []string{leioci.AnnotationValidUntil, leioci.AnnotationNextUpdate} {
			for _, value := range []string{
				"", "tomorrow", "2126-02-08", "0001-01-01T00:00:00Z", "2126-02-08T00:00:00Z\n",
				"2126-02-08T24:00:00Z", "2126-02-08 00:00:00Z", "2126-02-30T00:00:00Z",
				"2126-02-08T12:00:60Z", "9999-12-31T23:59:59-12:00", "4926182400",
			} {
				w.putAnnotated(mainHost, limited(t, inTime), annotation, value)
				_, err := w.client().PullSnapshot(t.Context(), w.repos[mainHost].Tag("latest"), filepath.Join(t.TempDir(), "lei"))
				if !errors.Is(err, leioci.ErrStale) {
					t.Errorf("%s is %q: got %v", annotation, value, err)
				}
			}
		}
	})
}

func TestEveryWayToWriteATimeIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		time.Sleep(time.Until(inTime))
		for value, until := range map[string]time.Time{
			"2027-02-08t00:00:00z":      inTime.Add(24 * time.Hour),
			"2027-02-08T00:00:00-00:00": inTime.Add(24 * time.Hour),
			"2027-02-08T05:45:00+05:45": inTime.Add(24 * time.Hour),
			"2027-02-08T00:00:00.25Z":   inTime.Add(24*time.Hour + 250*time.Millisecond),
		} {
			w.putAnnotated(mainHost, limited(t, inTime), leioci.AnnotationValidUntil, value)
			res, err := w.client().PullSnapshot(t.Context(), w.repos[mainHost].Tag("latest"), filepath.Join(t.TempDir(), "lei"))
			if err != nil || !res.ValidUntil.Equal(until) {
				t.Errorf("%s: got %+v, %v", value, res, err)
			}
		}
	})
}

func TestTimesThatMakeASnapshotGoodForNobodyAreNotPackaged(t *testing.T) {
	created := newer
	for name, opts := range map[string][]leioci.PackageOption{
		"valid until it was created":      {leioci.ValidUntil(created)},
		"valid until before":              {leioci.ValidUntil(created.Add(-time.Hour))},
		"valid for less than a second":    {leioci.ValidUntil(created.Add(time.Millisecond))},
		"valid until no time":             {leioci.ValidUntil(time.Time{})},
		"valid until what is written so":  {leioci.ValidUntil(time.Time{}.Add(time.Millisecond))},
		"valid until the year 10000":      {leioci.ValidUntil(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))},
		"the next before":                 {leioci.NextUpdate(created.Add(-time.Hour))},
		"the next after it has expired":   {leioci.ValidUntil(created.Add(time.Hour)), leioci.NextUpdate(created.Add(2 * time.Hour))},
		"as an annotation":                {leioci.Annotations(map[string]string{leioci.AnnotationValidUntil: "2126-02-08T00:00:00Z"})},
		"the next one as an annotation":   {leioci.Annotations(map[string]string{leioci.AnnotationNextUpdate: "2126-02-08T00:00:00Z"})},
		"created after it has expired":    {leioci.ValidUntil(created.Add(time.Hour)), leioci.Created(created.Add(2 * time.Hour))},
		"both, and an annotation as well": {leioci.ValidUntil(created.Add(time.Hour)), leioci.Annotations(map[string]string{leioci.AnnotationValidUntil: "x"})},
	} {
		if _, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, created, report), opts...); err == nil || errors.Is(err, leioci.ErrFuture) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	first, err := limited(t, newer).Digest()
	must(t, err)
	second, err := limited(t, newer).Digest()
	must(t, err)
	if first != second {
		t.Error("the same times give another digest")
	}
}
