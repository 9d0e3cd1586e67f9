package leioci_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// A publisher says until when a snapshot is good, and when the next one comes. A signature of the
// artifact covers both.
func ExampleValidUntil() {
	ctx := context.Background()
	tmp, err := os.MkdirTemp("", "leioci")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	s, err := snapshot.Open("testdata/lei-0.9.1")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	created := s.Metadata().Created
	img, err := leioci.PackageSnapshot(ctx, s,
		leioci.ValidUntil(created.Add(48*time.Hour)), leioci.NextUpdate(created.Add(24*time.Hour)))
	if err != nil {
		log.Fatal(err)
	}
	m, err := img.Manifest()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Annotations[leioci.AnnotationValidUntil], m.Annotations[leioci.AnnotationNextUpdate])

	_, err = leioci.Unpack(ctx, img, filepath.Join(tmp, "lei")) // long after that
	fmt.Println(errors.Is(err, leioci.ErrStale))
	// Output:
	// 2026-11-25T15:40:56Z 2026-11-24T15:40:56Z
	// true
}
