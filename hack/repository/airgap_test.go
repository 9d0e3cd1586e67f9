package repository

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// A site has a registry on each side of an air gap, a stick, and the script.
type site struct {
	outside, inside *leiocitest.Registry
	bin, work       string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{leiocitest.NewRegistry(t), leiocitest.NewRegistry(t), t.TempDir(), t.TempDir()}
	out, err := exec.CommandContext(t.Context(), "go", "-C", "../..", "build", "-o", s.bin, "./leioci/cmd/leioci").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return s
}

func (s *site) from() string  { return s.outside.Host() + "/org/lei-cache" }
func (s *site) to() string    { return s.inside.Host() + "/lei/cache" }
func (s *site) stick() string { return filepath.Join(s.work, "stick") }

// sh runs a script in the directory of the site. It returns its standard output and its exit status.
func (s *site) sh(t *testing.T, script string) (stdout, stderr string, status int) {
	t.Helper()
	example, err := filepath.Abs("../../examples/airgap")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = s.work
	cmd.Env = []string{"PATH=" + s.bin + ":" + example + ":" + os.Getenv("PATH"), "HOME=" + s.work, "DOCKER_CONFIG=" + s.work}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out.String()), errs.String(), status
}

// must runs a script that must succeed.
func (s *site) must(t *testing.T, script string) string {
	t.Helper()
	stdout, stderr, status := s.sh(t, script)
	if status != 0 {
		t.Fatalf("%s: status %d: %s", script, status, stderr)
	}
	return stdout
}

// mustServe runs a line that serves, at any free port, until it was pulled from.
func (s *site) mustServe(t *testing.T, line string) {
	t.Helper()
	line, _, _ = strings.Cut(strings.Replace(line, "--listen :5000", "", 1), " #")
	s.must(t, "mkfifo said; "+line+` --listen 127.0.0.1:0 >said & read -r ref <said; leioci pull -o served "$ref"; kill $!; wait $!`)
}

// publish pushes a snapshot that is so many days old, and returns its digest.
func (s *site) publish(t *testing.T, daysAgo int) string {
	t.Helper()
	dir := leiocitest.WriteSnapshot(t, time.Now().UTC().AddDate(0, 0, -daysAgo), `{"data":{"repo":"https://github.com/org/low","risk":"low"}}`)
	_, digest, _ := strings.Cut(s.must(t, "leioci push "+dir+" "+s.from()), "@")
	return digest
}

func (s *site) carryOut() string { return "airgap.sh out " + s.from() + " stick" }
func (s *site) carryIn() string  { return "airgap.sh in stick " + s.to() }

func TestASnapshotCrossesAnAirGapEachDay(t *testing.T) {
	s := newSite(t)
	for _, daysAgo := range []int{1, 0} {
		digest := s.publish(t, daysAgo)
		for _, carry := range []string{s.carryOut(), s.carryIn(), s.carryIn()} {
			if got := s.must(t, carry); got != digest {
				t.Errorf("%s prints %q, want %s", carry, got, digest)
			}
		}
		if got := s.must(t, "leioci pull -o lei "+s.to()); got != s.to()+"@"+digest {
			t.Errorf("a machine inside pulls %s, want %s", got, digest)
		}
	}
	before := len(s.inside.Requests())
	s.must(t, s.carryIn())
	for _, request := range s.inside.Requests()[before:] {
		if strings.Contains(request, "/uploads/") {
			t.Errorf("what is there is sent again: %s", request)
		}
	}
}

func TestAStickThatIsNotWholeOrOldChangesNothingInside(t *testing.T) {
	s := newSite(t)
	s.publish(t, 2)
	s.must(t, s.carryOut()+" && cp -R stick old")
	s.publish(t, 1)
	s.must(t, s.carryOut()+" && "+s.carryIn())
	s.publish(t, 0)
	s.must(t, s.carryOut()+" && cp -R stick new")
	want := s.must(t, "leioci inspect --raw "+s.to())
	for name, c := range map[string]struct {
		damage string
		status int
	}{
		"pulled out too early":  {"rm stick/SHA256SUMS", 4},
		"another archive":       {"cp old/lei.tar stick/lei.tar", 4},
		"another digest":        {"cp old/digest stick/digest", 4},
		"damaged":               {"printf x | dd of=stick/lei.tar bs=1 seek=600 conv=notrunc", 4},
		"an older digest":       {"cp old/digest stick/digest; (cd stick; sha256sum lei.tar digest >SHA256SUMS)", 3},
		"an older one":          {"rm -r stick && cp -R old stick", 3},
		"too old for this site": {"export LEI_MAX_AGE_INSIDE=1ns", 3},
	} {
		t.Run(name, func(t *testing.T) {
			_, stderr, status := s.sh(t, "rm -rf stick; cp -R new stick\n"+c.damage+"\n"+s.carryIn())
			if status != c.status {
				t.Errorf("status %d, want %d: %s", status, c.status, stderr)
			}
			if got := s.must(t, "leioci inspect --raw "+s.to()); got != want {
				t.Errorf("latest is now %s", got)
			}
		})
	}
}

func TestAStickIsNotWholeUntilEverythingIsChecked(t *testing.T) {
	s := newSite(t)
	s.publish(t, 5)
	s.publish(t, 0)
	s.must(t, s.carryOut())
	_, stderr, status := s.sh(t, "airgap.sh out "+s.from()+":"+time.Now().UTC().AddDate(0, 0, -5).Format(time.DateOnly)+" other")
	if _, err := os.Stat(filepath.Join(s.work, "other/SHA256SUMS")); status != 3 || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("too old: status %d, %v: %s", status, err, stderr)
	}
	if _, stderr, status := s.sh(t, "airgap.sh out "+s.from()+":none stick"); status != 7 {
		t.Errorf("status %d: %s", status, stderr)
	}
	if _, err := os.Stat(filepath.Join(s.stick(), "SHA256SUMS")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after a failure the stick passes for whole: %v", err)
	}
}

func TestOnlyAStickWithATrustedSignatureIsTaken(t *testing.T) {
	s := newSite(t)
	key := signed(t, "trusted.pub")
	for layout, status := range map[string]int{"both": 0, "v2": 0, "v3": 0, "otherkey": 4, "att": 4} {
		ref := s.inside.Host() + "/signed/" + layout
		s.carrySigned(t, layout)
		_, stderr, got := s.sh(t, "LEI_TRUSTED_KEYS="+key+" LEI_MAX_AGE_INSIDE=10000d airgap.sh in "+layout+" "+ref)
		if got != status {
			t.Errorf("%s: status %d, want %d: %s", layout, got, status, stderr)
		}
		if _, _, there := s.sh(t, "leioci pull --key "+key+" -o pulled-"+layout+" "+ref); there == 0 != (status == 0) {
			t.Errorf("%s: a machine inside pulls with status %d", layout, there)
		}
	}
}

// carrySigned publishes one of the signed layouts, and puts it on a stick of this name.
func (s *site) carrySigned(t *testing.T, layout string) {
	t.Helper()
	ref := s.outside.Host() + "/signed/" + layout
	s.must(t, "leioci copy oci-layout:"+signed(t, layout)+" "+ref+"; LEI_MAX_AGE=10000d airgap.sh out "+ref+" "+layout)
}

// signed returns the path of a signed layout or of a key.
func signed(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs("../../leioci/testdata/signed/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
