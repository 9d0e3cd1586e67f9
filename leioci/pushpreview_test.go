package leioci_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// assertNotWritten fails if there was a request that writes.
func assertNotWritten(t *testing.T, reg *leiocitest.Registry, before int) {
	t.Helper()
	for _, r := range reg.Requests()[before:] {
		if method, _, _ := strings.Cut(r, " "); method != http.MethodGet && method != http.MethodHead {
			t.Errorf("a request that writes: %s", r)
		}
	}
}

func TestAPreviewSaysWhatThePushThenDoes(t *testing.T) {
	for name, tc := range map[string]struct {
		tags []string
		opts []leioci.PushOption
		want string // each tag's change, and the number of blobs that are sent
	}{
		"a new day":      {[]string{"2026-02-11", "latest"}, nil, "make move 3"},
		"moving back":    {[]string{"2026-02-10", "latest"}, []leioci.PushOption{leioci.AllowMoveBack()}, "move move 3"},
		"no overwriting": {[]string{"new", "newer"}, []leioci.PushOption{leioci.NoOverwrite()}, "make make 3"},
	} {
		w := newOverwriteWorld(t)
		date := tuesday.AddDate(0, 0, 1)
		if tc.opts != nil {
			date = monday
		}
		img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, date, report))
		must(t, err)
		before := len(w.reg.Requests())
		preview, err := w.client.PreviewPush(t.Context(), w.repo, tc.tags, img, tc.opts...)
		must(t, err)
		assertNotWritten(t, w.reg, before)
		if got := describePreview(preview); got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
		for _, tag := range preview.Tags {
			moved := tag.Change == leioci.TagMoved
			if moved && (tag.Held.String() != w.held || !tag.HeldDate.Equal(tuesday.Truncate(24*time.Hour))) || !moved && tag.Held.Hex != "" {
				t.Errorf("%s: %+v", name, tag)
			}
		}
		pushed, err := w.client.PushSnapshot(t.Context(), w.repo, tc.tags, img, tc.opts...)
		if err != nil || pushed != preview.Ref || pushed.DigestStr() != preview.Digest.String() {
			t.Errorf("%s: pushed %s, %v; the preview has %s", name, pushed, err, preview.Digest)
		}
		again, err := w.client.PreviewPush(t.Context(), w.repo, tc.tags, img, tc.opts...)
		must(t, err)
		if got := describePreview(again); got != "leave leave 0" {
			t.Errorf("%s: after the push, got %s", name, got)
		}
	}
}

func describePreview(p *leioci.PushPreview) string {
	text, sent := "", 0
	for _, tag := range p.Tags {
		text += string(tag.Change) + " "
	}
	for _, b := range p.Blobs {
		if b.Sent {
			sent++
		}
	}
	return fmt.Sprint(text, sent)
}

func TestAPreviewFailsWhereThePushWouldBeforeItUploads(t *testing.T) {
	for name, tc := range map[string]struct {
		tags  []string
		opts  []leioci.PushOption
		fault func(*leiocitest.Registry)
		want  error
	}{
		"a tag would be moved back":      {tags: []string{"latest"}, want: leioci.ErrOlder},
		"a tag would be overwritten":     {tags: []string{"2026-02-10"}, opts: []leioci.PushOption{leioci.NoOverwrite()}, want: leioci.ErrTagExists},
		"a tag is invalid":               {tags: []string{"?"}, want: leioci.ErrInvalidReference},
		"no tag":                         {want: leioci.ErrInvalidReference},
		"a nil option":                   {tags: []string{"new"}, opts: []leioci.PushOption{nil}},
		"a moving tag cannot be read":    {tags: []string{"new"}, fault: refusing(http.MethodGet, 403), want: leioci.ErrDenied},
		"the registry wants credentials": {tags: []string{"2026-02-09"}, fault: refusing("", 401), want: leioci.ErrUnauthorized},
	} {
		w := newOverwriteWorld(t)
		if tc.fault != nil {
			tc.fault(w.reg)
		}
		before := len(w.reg.Requests())
		preview, err := w.client.PreviewPush(t.Context(), w.repo, tc.tags, w.img, tc.opts...)
		if err == nil || tc.want != nil && !errors.Is(err, tc.want) || preview != nil {
			t.Errorf("%s: got %v, %v", name, preview, err)
		}
		assertNotWritten(t, w.reg, before)
		if _, pushErr := w.client.PushSnapshot(t.Context(), w.repo, tc.tags, w.img, tc.opts...); pushErr == nil || tc.want != nil && !errors.Is(pushErr, tc.want) {
			t.Errorf("%s: the push fails with %v", name, pushErr)
		}
	}
}

// refusing lets requests for what a repository has fail.
func refusing(method string, status int) func(*leiocitest.Registry) {
	return func(reg *leiocitest.Registry) {
		reg.On(method, "/v2/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
			if status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			}
			leiocitest.Status(status, "DENIED")(w, r, registry)
		})
	}
}

func TestAPreviewGoesOnWhereThePushWould(t *testing.T) {
	w := newOverwriteWorld(t)
	w.reg.On(http.MethodGet, "/manifests/2026-02-09", leiocitest.Always, leiocitest.Status(http.StatusForbidden, "DENIED"))
	w.reg.On(http.MethodHead, "/blobs/", leiocitest.Always, leiocitest.Status(http.StatusMethodNotAllowed, ""))
	w.reg.On(http.MethodGet, "/manifests/index", leiocitest.Always, respond(http.StatusOK, ociIndex, `{"schemaVersion":2,"manifests":[]}`))
	preview, err := w.client.PreviewPush(t.Context(), w.repo, []string{"2026-02-09"}, w.img)
	must(t, err)
	if got := describePreview(preview); got != "unseen 3" || !errors.Is(preview.Tags[0].Err, leioci.ErrDenied) {
		t.Errorf("got %s: %+v", got, preview)
	}
	preview, err = w.client.PreviewPush(t.Context(), w.repo, []string{"index"}, w.img)
	must(t, err)
	if got := describePreview(preview); got != "move 3" || preview.Tags[0].Held.Hex == "" || !preview.Tags[0].HeldDate.IsZero() {
		t.Errorf("got %s: %+v", got, preview)
	}
}

func TestAPreviewCountsABlobOnce(t *testing.T) {
	w := newOverwriteWorld(t)
	extra := static.NewLayer([]byte("extra"), "text/plain")
	img, err := mutate.AppendLayers(w.img, extra, extra)
	must(t, err)
	preview, err := w.client.PreviewPush(t.Context(), w.repo, []string{"new"}, img, leioci.AllowMoveBack())
	must(t, err)
	var digests []string
	for _, b := range preview.Blobs {
		digests = append(digests, b.Descriptor.Digest.String())
	}
	slices.Sort(digests)
	if len(digests) != 4 || len(slices.Compact(digests)) != 4 {
		t.Errorf("got %q", digests)
	}
}

func TestAPreviewAcceptsAndRefusesTheFilesThatThePushWould(t *testing.T) {
	c := newClient(t)
	img := must2(leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, monday, report)))
	for name, tc := range map[string]struct {
		scheme, file, content string // no file for an empty directory
		want                  error
	}{
		"an empty directory":       {"oci-layout:", "", "", nil},
		"a directory of others":    {"oci-layout:", "notes.txt", "", leioci.ErrTargetNotEmpty},
		"what a copy has begun":    {"oci-layout:", ".leioci-ingest/x", "", nil},
		"an index.json of nobody":  {"oci-layout:", "index.json", "{}", leioci.ErrTargetNotEmpty},
		"an empty file":            {"oci-archive:", "x.tar", "", nil},
		"a file that is no tar":    {"oci-archive:", "x.tar", "notes", leioci.ErrTargetNotEmpty},
		"a directory for a file":   {"oci-archive:", "x.tar/x", "", leioci.ErrTargetNotEmpty},
		"an archive that is below": {"oci-archive:", "", "", nil},
	} {
		dir := t.TempDir()
		if tc.file != "" {
			must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, tc.file)), 0o700))
			must(t, os.WriteFile(filepath.Join(dir, tc.file), []byte(tc.content), 0o600))
		}
		if tc.scheme == "oci-archive:" {
			dir = filepath.Join(dir, "x.tar")
		}
		dst := must2(leioci.ParseLocation(tc.scheme + dir))
		_, previewed := c.PreviewPushTo(t.Context(), dst, []string{"v1"}, img)
		_, pushed := c.PushTo(t.Context(), dst, []string{"v1"}, img)
		if !errors.Is(previewed, tc.want) || !errors.Is(pushed, tc.want) {
			t.Errorf("%s: the preview says %v, the push %v, want %v", name, previewed, pushed, tc.want)
		}
	}
}

func TestAPreviewOfAPushToALayoutWritesNothing(t *testing.T) {
	for _, scheme := range []string{"oci-layout:", "oci-archive:"} {
		parent := t.TempDir()
		dst := must2(leioci.ParseLocation(scheme + filepath.Join(parent, "mirror")))
		c, tags := newClient(t), []string{"2026-02-09", "latest"}
		older := must2(leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, monday, report)))
		newer := must2(leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, tuesday, report)))
		preview := func(img v1.Image, want string, opts ...leioci.PushOption) {
			t.Helper()
			before := namesIn(t, parent)
			p, err := c.PreviewPushTo(t.Context(), dst, tags, img, opts...)
			must(t, err)
			if got := describePreview(p); got != want || p.Digest != must2(img.Digest()) || p.Ref.DigestStr() != "" {
				t.Errorf("%s: got %s, want %s", scheme, got, want)
			}
			if after := namesIn(t, parent); !slices.Equal(before, after) {
				t.Errorf("%s: there are %q after %q", scheme, after, before)
			}
		}
		preview(newer, "make make 3")
		_, err := c.PushTo(t.Context(), dst, tags, newer)
		must(t, err)
		preview(newer, "leave leave 0", leioci.NoOverwrite())
		preview(older, "move move 2", leioci.AllowMoveBack()) // the reports are the same
		for want, opts := range map[error][]leioci.PushOption{leioci.ErrOlder: nil, leioci.ErrTagExists: {leioci.NoOverwrite()}} {
			if p, err := c.PreviewPushTo(t.Context(), dst, tags, older, opts...); !errors.Is(err, want) || p != nil {
				t.Errorf("%s: got %v, %v, want %v", scheme, p, err, want)
			}
		}
	}
}
