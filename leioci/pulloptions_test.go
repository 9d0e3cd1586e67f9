package leioci_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// TestACallRefusesAnOptionThatMeansNothingToIt checks that nothing is asked or written either.
func TestACallRefusesAnOptionThatMeansNothingToIt(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c := newClient(t)
	img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, monday, report))
	must(t, err)
	all := []string{"pull", "unpack", "watch"}
	for name, tc := range map[string]struct {
		opts  []leioci.PullOption
		calls []string
		says  string
	}{
		"nil":                  {[]leioci.PullOption{nil}, all, "pull option 1 of 1 is nil"},
		"nil after another":    {[]leioci.PullOption{leioci.VerifyReports(), nil}, all, "pull option 2 of 2 is nil"},
		"no age":               {[]leioci.PullOption{leioci.MaxAge(0)}, all, "MaxAge"},
		"a negative age":       {[]leioci.PullOption{leioci.MaxAge(-time.Hour)}, all, "MaxAge"},
		"an order":             {[]leioci.PullOption{leioci.AllowOlder()}, []string{"unpack"}, "AllowOlder"},
		"an order and another": {[]leioci.PullOption{leioci.MaxAge(time.Hour), leioci.AllowOlder()}, []string{"unpack"}, "AllowOlder"},
	} {
		dir := filepath.Join(t.TempDir(), "lei")
		before := len(reg.Requests())
		got := map[string]error{}
		_, got["pull"] = c.PullSnapshot(t.Context(), repository(t, reg).Tag("latest"), dir, tc.opts...)
		_, got["unpack"] = leioci.Unpack(t.Context(), img, dir, tc.opts...)
		for _, err := range c.Watch(t.Context(), repository(t, reg).Tag("latest"), dir, leioci.WatchOptions{Pull: tc.opts}) {
			got["watch"] = err
			break
		}
		for _, call := range tc.calls {
			if got[call] == nil || !strings.Contains(got[call].Error(), tc.says) {
				t.Errorf("%s, %s: got %v", name, call, got[call])
			}
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: there is a directory: %v", name, err)
		}
		if requests := reg.Requests()[before:]; len(tc.calls) == len(all) && len(requests) > 0 {
			t.Errorf("%s: asked %q", name, requests)
		}
	}
}

func TestANilArgumentIsAnErrorThatSaysSo(t *testing.T) {
	c, dir := newClient(t), filepath.Join(t.TempDir(), "lei")
	_, pullErr := c.PullSnapshot(t.Context(), nil, dir)
	_, unpackErr := leioci.Unpack(t.Context(), nil, dir)
	var watchErr error
	for _, err := range c.Watch(t.Context(), nil, dir, leioci.WatchOptions{}) {
		watchErr = err
	}
	_, manifestErr := c.PullManifest(t.Context(), nil)
	_, imageErr := c.Image(t.Context(), nil)
	repo, err := leioci.ParseRepository("registry.invalid/org/lei-cache")
	must(t, err)
	_, pushErr := c.PushSnapshot(t.Context(), repo, []string{"latest"}, nil)
	img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, monday, report))
	must(t, err)
	_, pushOptionErr := c.PushSnapshot(t.Context(), repo, []string{"latest"}, img, leioci.AllowMoveBack(), nil)
	_, packageOptionErr := leioci.PackageSnapshot(t.Context(), &snapshot.Snapshot{}, nil)
	_, optionErr := leioci.New(nil)
	raw, err := img.RawManifest()
	must(t, err)
	_, blobErr := c.Push(t.Context(), repo, []string{"latest"}, raw, []v1.Layer{nil})
	for what, err := range map[string]error{
		"reference": pullErr, "image": unpackErr, "reference ": watchErr, "reference  ": manifestErr, "reference   ": imageErr,
		"image ": pushErr, "option 2 of 2": pushOptionErr, "option 1": packageOptionErr, "option 1 of 1": optionErr, "blob 1 of 1": blobErr,
	} {
		if err == nil || !strings.Contains(err.Error(), strings.TrimSpace(what)+" is nil") {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func TestOptionsThatApplyToAnImageAreAccepted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lei")
	for _, date := range []time.Time{tuesday, monday} { // the older one replaces the newer one
		img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, date, report))
		must(t, err)
		res, err := leioci.Unpack(t.Context(), img, dir, leioci.VerifyReports(), leioci.MaxAge(100*365*24*time.Hour))
		must(t, err)
		if !res.Date.Equal(date) {
			t.Errorf("got %v, want %v", res.Date, date)
		}
	}
}
