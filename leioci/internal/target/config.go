package target

import (
	"bytes"
	"context"
	"path/filepath"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/progress"
	"github.com/lowendinsight/lei-go/leioci/internal/staging"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// config gets the artifact's config into the new directory, or into the partial file that it
// returns. In turn, it takes the old directory's file, makes the config of what manifest.json says,
// as those who package snapshots do, and fetches it.
//
// Only who serves the directory needs the config, and a snapshot is not refused for want of it: what
// goes wrong is logged, unless ctx has ended.
func (f *filling) config(ctx context.Context, stage *staging.Dir, asks func()) (*staging.Partial, error) {
	file := artifact.ConfigOf(f.m)
	if file.Descriptor.Size > artifact.MaxConfigBytes {
		f.log.Warnf("%s is not kept: %d bytes, limit %d", file.Name, file.Descriptor.Size, artifact.MaxConfigBytes)
		return nil, nil
	}
	from := filepath.Join(f.dir, file.Name)
	if verifyFile(ctx, from, file.Descriptor) == nil && f.reuse(ctx, stage, file, asks, nil) {
		return nil, nil
	}
	if verify.All(ctx, bytes.NewReader(f.made), file.Descriptor.Digest, file.Descriptor.Size) == nil {
		return nil, write(stage, file.Name, f.made)
	}
	part, err := stage.Partial(partialID(file.Descriptor.Digest))
	if err != nil {
		return nil, err
	}
	asks()
	told := f.progress.Blob(file.Name, file.Descriptor.Digest, file.Descriptor.Size)
	n, err := f.fetch(ctx, file.Descriptor, count(part, told))
	f.fetched.Add(n)
	if err == nil {
		told.Finish(progress.Done, file.Descriptor.Digest)
		return part, nil
	}
	if closeErr := part.Close(); closeErr != nil || ctx.Err() != nil {
		return nil, err
	}
	f.log.Warnf("%s is not kept, and the directory cannot be served without it: %v", file.Name, err)
	return nil, nil
}

// write writes a file of the new directory.
func write(stage *staging.Dir, name string, content []byte) error {
	w, err := stage.Create(name)
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return staging.Finish(w, err)
}
