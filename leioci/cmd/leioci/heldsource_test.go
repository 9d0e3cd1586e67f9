package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// TestADirectoryIsJudgedByItsOwnManifest reads a directory while it is replaced all the time: by a
// snapshot that says until when it is good, and by one that does not.
func TestADirectoryIsJudgedByItsOwnManifest(t *testing.T) {
	date := time.Now().UTC().Truncate(day)
	dir := filepath.Join(t.TempDir(), "lei")
	var replace []func() error
	for _, opts := range [][]leioci.PackageOption{{leioci.ValidUntil(date.Add(30 * day))}, nil} {
		img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, date.AddDate(0, 0, -len(opts)), `{"data":{"repo":"https://example.org/a"}}`), opts...)
		if err != nil {
			t.Fatal(err)
		}
		replace = append(replace, func() error {
			_, err := leioci.Unpack(context.WithoutCancel(t.Context()), img, dir)
			return err
		})
	}
	if err := replace[0](); err != nil {
		t.Fatal(err)
	}
	replaced, done := make(chan error), make(chan struct{})
	go func() {
		for i := 1; ; i++ {
			select {
			case <-done:
				replaced <- nil
				return
			default:
			}
			if err := replace[i%2](); err != nil {
				replaced <- err
				return
			}
		}
	}()
	env := environment{getenv: func(string) string { return "" }, stderr: os.Stderr}
	f := &sourceFlags{env: env, trust: addTrustFlags(&cobra.Command{}, env)}
	for range 1000 {
		s, err := f.open(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if limited := s.Metadata().Date.Before(date); limited != (s.validity.ValidUntil != "") {
			t.Errorf("the snapshot of %v is valid until %q", s.Metadata().Date, s.validity.ValidUntil)
		}
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}
	close(done)
	if err := <-replaced; err != nil {
		t.Error(err)
	}
}
