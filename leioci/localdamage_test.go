package leioci_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestWhatIsDamagedInALayoutOrAnArchiveIsNotBlamedOnANetwork(t *testing.T) {
	reg, c, dir := leiocitest.NewRegistry(t), newClient(t), t.TempDir()
	repo := repository(t, reg)
	putImage(t, repo, "v1", "root", nil)
	layout, archive := filepath.Join(dir, "lei"), filepath.Join(dir, "lei.tar")
	for _, to := range []string{"oci-layout:" + layout, "oci-archive:" + archive} {
		dst, err := leioci.ParseLocation(to)
		must(t, err)
		_, err = c.Copy(t.Context(), locate(t, repo, ":v1"), dst)
		must(t, err)
	}
	must(t, os.Truncate(archive, 3000))
	blobs, err := filepath.Glob(filepath.Join(layout, "blobs", "sha256", "*"))
	must(t, err)
	for _, blob := range blobs {
		must(t, os.Chmod(blob, 0o600))
		must(t, os.Truncate(blob, 1))
	}
	for _, from := range []string{"oci-layout:" + layout + ":v1", "oci-archive:" + archive + ":v1"} {
		src, err := leioci.ParseLocation(from)
		must(t, err)
		other, err := leioci.ParseLocation("oci-layout:" + t.TempDir())
		must(t, err)
		_, pulled := c.PullFrom(t.Context(), src, filepath.Join(t.TempDir(), "lei"))
		_, copied := c.Copy(t.Context(), src, other)
		for _, err := range []error{pulled, copied} {
			if !errors.Is(err, leioci.ErrVerification) || !strings.Contains(err.Error(), "is damaged: make it again") {
				t.Errorf("%s: %v", from, err)
				continue
			}
			for _, wrong := range []string{"proxies", "the registry", "try again"} {
				if strings.Contains(err.Error(), wrong) {
					t.Errorf("%s: it blames %s: %v", from, wrong, err)
				}
			}
		}
	}
}

func TestAShortFileThatIsNoArchiveIsNotBlamedOnANetwork(t *testing.T) {
	c, path := newClient(t), filepath.Join(t.TempDir(), "notes.tar")
	repo := repository(t, leiocitest.NewRegistry(t))
	putImage(t, repo, "v1", "root", nil)
	must(t, os.WriteFile(path, []byte("notes"), 0o600))
	archive, err := leioci.ParseLocation("oci-archive:" + path + ":v1")
	must(t, err)
	_, pulled := c.PullFrom(t.Context(), archive, filepath.Join(t.TempDir(), "lei"))
	_, written := c.Copy(t.Context(), locate(t, repo, ":v1"), archive)
	for _, err := range []error{pulled, written} {
		if !errors.Is(err, leioci.ErrUnsupportedManifest) || strings.Contains(err.Error(), "connection") {
			t.Errorf("got %v, want that it is no archive, and nothing of a connection", err)
		}
	}
}

func TestABlobThatIsDamagedInALayoutIsNotBlamedOnTheRegistryThatItIsSentTo(t *testing.T) {
	c, layout := newClient(t), t.TempDir()
	repo := repository(t, leiocitest.NewRegistry(t))
	pushSample(t, c, repo, "v1")
	src, err := leioci.ParseLocation("oci-layout:" + layout + ":v1")
	must(t, err)
	_, err = c.Copy(t.Context(), locate(t, repo, ":v1"), src)
	must(t, err)
	blobs, err := filepath.Glob(filepath.Join(layout, "blobs", "sha256", "*"))
	must(t, err)
	for _, blob := range blobs {
		content, err := os.ReadFile(blob)
		must(t, err)
		if content[0] == 0x1f { // the compressed reports
			content[len(content)/2] ^= 1
			must(t, os.Chmod(blob, 0o600))
			must(t, os.WriteFile(blob, content, 0o600))
		}
	}
	_, err = c.Copy(t.Context(), src, locate(t, repository(t, leiocitest.NewRegistry(t)), ":v1"))
	if !errors.Is(err, leioci.ErrVerification) || !strings.Contains(err.Error(), "is damaged: make it again") ||
		strings.Contains(err.Error(), "the registry") {
		t.Errorf("got %v, want that the layout is damaged", err)
	}
}
