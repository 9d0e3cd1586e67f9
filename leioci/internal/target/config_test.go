package target_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/target"
)

// other is a config that nobody can make of a manifest.json.
const other = `{"made":"elsewhere"}`

func configured(t *testing.T, p *published) *published {
	t.Helper()
	p.configure(t, other)
	return p
}

func TestTheConfigIsFetchedOnlyIfItIsNeitherThereNorToBeMade(t *testing.T) {
	for name, tc := range map[string]struct {
		config  string // of the new snapshot; what is made of it, if empty
		change  func(t *testing.T, dir string)
		fetched bool
	}{
		"made":      {"", func(*testing.T, string) {}, false},
		"there":     {other, func(t *testing.T, dir string) { write(t, dir, "config.json", other) }, false},
		"not there": {other, func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "config.json"))) }, true},
		"another":   {other, func(t *testing.T, dir string) { write(t, dir, "config.json", strings.Repeat("x", len(other))) }, true},
		"there, the manifest is lost": {other, func(t *testing.T, dir string) {
			write(t, dir, "config.json", other)
			write(t, dir, "oci-manifest.json", "")
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := installed(t, publish(t, monday, reportA))
			tc.change(t, dir)
			p := annotated(t, monday.AddDate(0, 0, 1), reportB)
			if tc.config != "" {
				p.configure(t, tc.config)
			}
			_, err := p.install(t, open(dir, target.Policy{}))
			must(t, err)
			assertHolds(t, dir, p)
			if slices.Contains(p.fetched, "config.json") != tc.fetched {
				t.Errorf("fetched: %q", p.fetched)
			}
		})
	}
}

func TestAConfigThatIsThereIsLinkedLikeTheRest(t *testing.T) {
	p := configured(t, publish(t, monday, reportA))
	dir := installed(t, p)
	before, err := os.Stat(filepath.Join(dir, "config.json"))
	must(t, err)
	next := configured(t, publish(t, monday.AddDate(0, 0, 1), reportB))
	_, err = next.install(t, open(dir, target.Policy{}))
	must(t, err)
	if after, err := os.Stat(filepath.Join(dir, "config.json")); err != nil || !os.SameFile(before, after) {
		t.Errorf("it is another file: %v", err)
	}
}

func TestADirectoryWithoutAConfigStaysUpToDate(t *testing.T) {
	p := configured(t, publish(t, monday, reportA))
	dir := installed(t, p)
	must(t, os.Remove(filepath.Join(dir, "config.json")))
	res, err := p.install(t, open(dir, target.Policy{}))
	if err != nil || !res.UpToDate || len(p.fetched) > 0 {
		t.Errorf("got %+v, %v, fetched %q", res, err, p.fetched)
	}
}

func TestASnapshotIsTakenWithoutAConfigThatIsNotToBeHad(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, p *published){
		"it cannot be fetched": func(_ *testing.T, p *published) {
			p.fails = func(name string) (int64, error) {
				if name == "config.json" {
					return 3, errors.New("not found")
				}
				return 0, nil
			}
		},
		"it is too large": func(t *testing.T, p *published) {
			p.manifest.Config.Size = artifact.MaxConfigBytes + 1
			p.encode(t)
		},
		"its size is a lie": func(t *testing.T, p *published) {
			p.manifest.Config = v1.Descriptor{Digest: p.manifest.Config.Digest, Size: 1 << 20}
			p.encode(t)
			p.fails = func(name string) (int64, error) {
				if name == "config.json" {
					return 1, errors.New("too short")
				}
				return 0, nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := installed(t, publish(t, monday, reportA))
			write(t, dir, "config.json", strings.Repeat("x", len(other))) // somebody's own
			p := configured(t, publish(t, monday.AddDate(0, 0, 1), reportB))
			change(t, p)
			res, err := p.install(t, open(dir, target.Policy{}))
			if err != nil || res.UpToDate {
				t.Fatalf("got %+v, %v", res, err)
			}
			if got := names(t, dir); !slices.Equal(got, []string{"cache.jsonl.gz", "manifest.json", "oci-manifest.json"}) {
				t.Errorf("it holds %q", got)
			}
		})
	}
}
