package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// export writes a snapshot beside its directory, puts it in place, and pushes it. It stays open all
// the while, so that what was written is what is pushed, even if the directory is replaced again.
func export(ctx context.Context, env environment, network *networkFlags, o exportOptions) (err error) {
	var to *pushing
	if len(o.refs) > 0 {
		if to, err = newPushing(env, network, o.refs); err != nil {
			return err
		}
		to.addTags(o.tags)
		to.asJSON = o.asJSON
	}
	if err := refuseForeign(o.dir); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	beside, err := makeBeside(o.dir)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer func() {
		if removeErr := os.RemoveAll(beside); removeErr != nil {
			fmt.Fprintln(env.stderr, "leioci: warning: "+oneLine(removeErr.Error()))
		}
	}()
	if err := writeReports(ctx, env, beside, o); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	s, err := snapshot.Open(beside)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer s.Close() // after the push, and before what it has open is removed
	return install(ctx, env, network, s, o, to)
}

// writeReports writes the snapshot to dir.
func writeReports(ctx context.Context, env environment, dir string, o exportOptions) error {
	w, err := snapshot.Create(dir, o.writer)
	if err != nil {
		return err
	}
	if err := addInputs(ctx, env, w, o); err != nil {
		return errors.Join(err, w.Discard())
	}
	meta, err := w.Commit(ctx)
	if err == nil && meta.EntryCount == 0 && !o.allowEmpty {
		return errors.New("no report in the input (--allow-empty writes a snapshot without any)")
	}
	return err
}

// install puts a snapshot into its directory, and pushes it if to is not nil.
func install(ctx context.Context, env environment, network *networkFlags, s *snapshot.Snapshot, o exportOptions, to *pushing) error {
	if to != nil { // do not publish what nobody can read
		if err := s.Verify(ctx); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	validity, err := o.publish.validity(s.Metadata().Created, time.Now())
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	img, err := leioci.PackageSnapshot(ctx, s, append(o.pack, validity...)...)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if _, err := leioci.Unpack(ctx, img, o.dir, o.unpack...); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	meta := s.Metadata()
	network.say(env, "wrote %s: %s, %s, %s compressed\n",
		o.dir, describeDate(meta.Date, time.Now()), count(meta.EntryCount, "report"), bytesText(meta.CompressedSize))
	pushed := []pushJSON{} // JSON has an array in any case
	if to != nil {
		err = to.push(ctx, env, o.dir, leioci.GenerateTags(meta.Date), img, o.push)
		pushed = append(pushed, to.pushed...)
	}
	switch {
	case o.asJSON:
		return errors.Join(err, writeJSON(env.stdout, newExportDocument(o.dir, meta, pushed)))
	case to == nil:
		_, err = fmt.Fprintln(env.stdout, o.dir)
	}
	return err
}

// refuseForeign returns an error if dir obviously cannot be replaced, before reports are read for
// it. The library has the last word.
func refuseForeign(dir string) error {
	if err := refuseWorkingDir(dir); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(entries) == 0:
		return nil
	case err != nil:
		return fmt.Errorf("%w: %w; use another name", leioci.ErrTargetNotEmpty, err)
	}
	for _, e := range entries {
		if name := e.Name(); name == snapshot.ManifestFile || name == snapshot.CacheFile {
			return nil
		}
	}
	return fmt.Errorf("%w: %s contains %.100q, and is no snapshot; use another directory", leioci.ErrTargetNotEmpty, dir, entries[0].Name())
}

// makeBeside makes an empty directory beside dir. Its name is that of a snapshot that is being
// written, which a process leaves if it is killed.
func makeBeside(dir string) (string, error) {
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o777); err != nil { //nolint:gosec // less the umask, as any new directory
		return "", err
	}
	return os.MkdirTemp(parent, ".leioci-writing-")
}
