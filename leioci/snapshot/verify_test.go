package snapshot_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestVerifyNamesEachDifference(t *testing.T) {
	content := line("a") + line("b")
	cache := compress(t, content)
	size := len(content)
	wrongHash := strings.Repeat("0", 64)
	count := "entry count: manifest.json says 3, found 2"
	raw := fmt.Sprintf("raw size: manifest.json says %d, found %d", size+1, size)
	compressed := fmt.Sprintf("compressed size: manifest.json says 7, found %d", len(cache))
	hash := fmt.Sprintf("content hash: manifest.json says %q, found %q", wrongHash, describing(content, cache)["content_hash"])
	for name, test := range map[string]struct {
		change manifest
		want   []string
	}{
		"entry count":         {manifest{"entry_count": 3}, []string{count}},
		"raw size too large":  {manifest{"raw_size": size + 1}, []string{raw}},
		"raw size too small":  {manifest{"raw_size": size - 1}, []string{"line 2: raw size: manifest.json says", "found more"}},
		"no raw size":         {manifest{"raw_size": 0}, []string{"line 1: raw size: manifest.json says 0, found more"}},
		"compressed size":     {manifest{"compressed_size": 7}, []string{compressed}},
		"content hash":        {manifest{"content_hash": wrongHash}, []string{hash}},
		"no content hash":     {manifest{"content_hash": ""}, []string{`content hash: manifest.json says "", found`}},
		"a long content hash": {manifest{"content_hash": strings.Repeat("0", 1<<20)}, []string{hash}},
		"raw size too small and compressed size": {
			manifest{"raw_size": 1, "compressed_size": 7, "entry_count": 3, "content_hash": wrongHash},
			[]string{"line 1: raw size: manifest.json says 1, found more", compressed},
		},
		"all": {
			manifest{"entry_count": 3, "raw_size": size + 1, "compressed_size": 7, "content_hash": wrongHash},
			[]string{count, raw, compressed, hash},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := describing(content, cache)
			for k, v := range test.change {
				m[k] = v
			}
			err := open(t, write(t, m, cache)).Verify(t.Context())
			if !errors.Is(err, snapshot.ErrMismatch) || errors.Is(err, snapshot.ErrMalformed) {
				t.Fatalf("got %v, want ErrMismatch", err)
			}
			rest := err.Error()
			for _, want := range test.want {
				var found bool
				if _, rest, found = strings.Cut(rest, want); !found {
					t.Errorf("got %q, want %q in its place", err, want)
				}
			}
			if got := strings.Count(err.Error(), "manifest.json says"); name != "raw size too small" && got != len(test.want) {
				t.Errorf("%d differences in %q", got, err)
			}
		})
	}
}

func TestVerifyTakesAHashInCapitals(t *testing.T) {
	content := line("a")
	cache := compress(t, content)
	m := describing(content, cache)
	m["content_hash"] = strings.ToUpper(m["content_hash"].(string))
	if err := open(t, write(t, m, cache)).Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestVerifyNamesTheFirstMalformedLineAndCountsThem(t *testing.T) {
	content := line("a") + "bad\n" + line("b") + "\n" + "[]\n"
	cache := compress(t, content)
	m := describing(content, cache)
	err := open(t, write(t, m, cache)).Verify(t.Context())
	wantLineError(t, err, 2, snapshot.ErrMalformed)
	if errors.Is(err, snapshot.ErrMismatch) || !strings.Contains(err.Error(), "malformed lines: 3, the first at line 2: ") {
		t.Errorf("got %v", err)
	}
	m["entry_count"] = 2
	err = open(t, write(t, m, cache)).Verify(t.Context())
	if !errors.Is(err, snapshot.ErrMismatch) || !errors.Is(err, snapshot.ErrMalformed) {
		t.Errorf("got %v, want both kinds", err)
	}
}
