package target

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/progress"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/internal/staging"
)

// Fetch fills a partial file with the verified content of a blob and returns the number of bytes it
// read from its source.
type Fetch func(ctx context.Context, d v1.Descriptor, into Partial) (fetched int64, err error)

// A Partial is a file that may hold the beginning of a blob, or something else, from an earlier
// pull.
type Partial interface {
	Size() int64        // how many bytes it held when it was opened, or none after a Reset
	Content() io.Reader // reads those bytes
	io.Writer           // appends
	Reset() error       // empties it

	// What came from later offsets is beside it, in pieces, and is no more to be trusted.
	Beside(offset int64) (staging.Piece, error) // opens or creates one
	Pieces() []int64                            // the offsets of those from earlier pulls
}

// A filling is a new directory being filled with a snapshot.
type filling struct {
	raw         []byte
	m           *v1.Manifest
	files       []artifact.File // of the snapshot, manifest.json first
	made        []byte          // what the config is if it was made of manifest.json
	fetch       Fetch
	dir         string                   // the old snapshot, whose files may be reused
	held        *held                    // and what it is
	copies      bool                     // do not link them, if there is room
	describe    func(*staging.Dir) error // writes what else is to be known of the snapshot
	concurrency int
	log         logrus.FieldLogger
	progress    *progress.Tracker
	fetched     atomic.Int64
}

// partialIDs returns the ids of the partial files worth keeping for this snapshot.
func (f *filling) partialIDs() []string {
	files := f.all()
	ids := make([]string, len(files))
	for i, file := range files {
		ids[i] = partialID(file.Descriptor.Digest)
	}
	return ids
}

// all returns the files of the snapshot, and then the config.
func (f *filling) all() []artifact.File {
	return append(slices.Clone(f.files), artifact.ConfigOf(f.m))
}

func partialID(digest v1.Hash) string { return digest.Algorithm + "-" + digest.Hex }

// An examiner reads the manifest.json of a snapshot and returns an error if the snapshot is
// refused.
type examiner func(ctx context.Context, file artifact.File, open func() (io.ReadCloser, error)) (metadata, error)

// fill writes the files of a snapshot. manifest.json, which is small, is examined before anything
// else is fetched, unless an annotation has told the date. Each file stays a partial file until all
// are complete, so if one fails the next pull can use the others.
func (f *filling) fill(ctx context.Context, stage *staging.Dir, examine examiner) (meta metadata, err error) {
	files := f.all()
	parts := make([]*staging.Partial, len(files)) // nil where the old file was reused
	defer func() {
		for _, part := range parts {
			if part != nil {
				err = errors.Join(err, part.Close())
			}
		}
	}()
	get := func(ctx context.Context, i int, asks func()) (err error) {
		if i == len(f.files) {
			parts[i], err = f.config(ctx, stage, asks)
		} else {
			parts[i], err = f.get(ctx, stage, files[i], asks)
		}
		return err
	}
	first := 1
	if _, dated := artifact.Date(f.m); dated { // and judged by that already: nothing needs to wait
		first = len(f.files)
	}
	if err := f.eachInTurn(ctx, 0, first, get); err != nil {
		return meta, err
	}
	meta, err = examine(ctx, f.files[0], func() (io.ReadCloser, error) {
		if parts[0] != nil {
			return io.NopCloser(parts[0].All()), nil
		}
		r, _, err := regular.Open(filepath.Join(stage.Path(), f.files[0].Name))
		return r, err
	})
	if err != nil {
		return meta, err
	}
	f.made = meta.config
	if err := f.eachInTurn(ctx, first, len(files), get); err != nil {
		return meta, err
	}
	// Before the files, because it tells what they are: they can become partial files again.
	if err := write(stage, artifact.ManifestFile, f.raw); err != nil {
		return meta, err
	}
	if err := f.describe(stage); err != nil {
		return meta, err
	}
	return meta, f.each(ctx, func(ctx context.Context, i int) error {
		if parts[i] == nil {
			return nil
		}
		return parts[i].MoveTo(ctx, files[i].Name)
	})
}

// get obtains one verified file, either by linking the old one into the new directory, or in the
// partial file that it returns, for the caller to move or close. It calls asks before it asks for
// the content, or does something else that takes time.
func (f *filling) get(ctx context.Context, stage *staging.Dir, file artifact.File, asks func()) (*staging.Partial, error) {
	told := f.progress.Blob(file.Name, file.Descriptor.Digest, file.Descriptor.Size)
	if f.reuse(ctx, stage, file, asks, told) {
		told.Finish(progress.Reused, file.Descriptor.Digest)
		return nil, nil
	}
	part, err := stage.Partial(partialID(file.Descriptor.Digest))
	if err != nil {
		return nil, err
	}
	asks()
	n, err := f.fetch(ctx, file.Descriptor, count(part, told))
	f.fetched.Add(n)
	if err == nil {
		told.Finish(progress.Done, file.Descriptor.Digest)
	}
	return part, err
}

// reuse links or copies a file of the old directory into the new one. The link is what gets verified,
// because the old directory may have been replaced in the meantime.
func (f *filling) reuse(ctx context.Context, stage *staging.Dir, file artifact.File, asks func(), told *progress.Blob) bool {
	from := f.held.path(file.Descriptor.Digest)
	if from == "" { // the manifest kept there may be lost, and the file not
		from = filepath.Join(f.dir, file.Name)
		if info, err := os.Lstat(from); err != nil || info.Size() != file.Descriptor.Size {
			return false
		}
	}
	asks() // nobody, but the others need not wait for what follows
	taken := f.copies && stage.Copy(ctx, file.Name, from) == nil
	if !taken { // or there is no room for a copy: then the index takes longer to be believed
		taken = stage.Link(ctx, file.Name, from) == nil
	}
	told.Enter(progress.Verifying)
	return taken && verifyFile(ctx, filepath.Join(stage.Path(), file.Name), file.Descriptor) == nil
}
