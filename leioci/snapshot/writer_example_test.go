package snapshot_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// Make a snapshot of what a scan has found. The time is given, so that the same reports give the
// same bytes.
func ExampleWriter() {
	parent, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(parent) }()
	dir := filepath.Join(parent, "snapshot")
	scan := strings.NewReader(`{
	  "state": "complete",
	  "report": {"uuid": "…", "repos": [
	    {"header": {"repo": "https://example.org/a"}, "data": {"repo": "https://example.org/a", "risk": "low"}},
	    {"header": {"repo": "https://example.org/b"}, "data": {"repo": "https://example.org/b", "risk": "high"}}
	  ]},
	  "metadata": {"repo_count": 2}
	}`)

	w, err := snapshot.Create(dir, snapshot.WriterOptions{Created: time.Date(2026, 2, 8, 2, 0, 0, 0, time.UTC), LEIVersion: "0.9.1"})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = w.Discard() }() // after Commit, it does nothing
	if err := w.AddFrom(context.Background(), scan); err != nil {
		log.Fatal(err)
	}
	meta, err := w.Commit(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(meta.EntryCount, "reports of", meta.Date.Format(time.DateOnly))
	// Output: 2 reports of 2026-02-08
}
