package pulled

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// A generation is what the directory holds from one exchange to the next, with its files open, or
// why it is not in order.
type generation struct {
	seen     map[string]fs.FileInfo // the files as they were before they were read, by name
	err      error
	manifest *store.Manifest
	parsed   *v1.Manifest
	tags     []string
	blobs    map[v1.Hash]*blob
	readers  int  // of the blobs
	retired  bool // close it with the last reader
}

// tries is how often a directory is looked at that is exchanged meanwhile.
const tries = 3

// load looks at the directory. Files that known has verified are not read again.
func load(ctx context.Context, path string, known *generation, tagsOf func(time.Time) []string) *generation {
	for try := 1; ; try++ {
		g := loadOnce(ctx, path, known, tagsOf)
		if g.err == nil || try == tries || ctx.Err() != nil || g.unchanged(path) {
			return g
		}
	}
}

func loadOnce(ctx context.Context, path string, known *generation, tagsOf func(time.Time) []string) *generation {
	g := &generation{seen: map[string]fs.FileInfo{}, blobs: map[v1.Hash]*blob{}}
	root, err := regular.OpenRoot(path)
	if err == nil {
		err = errors.Join(g.read(ctx, root, known, tagsOf), root.Close())
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", errdef.ErrNotFound, err)
	}
	if err != nil {
		g.err = errors.Join(err, g.close())
	}
	return g
}

// read opens all files, and then verifies them: files that are open together are of one directory.
func (g *generation) read(ctx context.Context, root *os.Root, known *generation, tagsOf func(time.Time) []string) error {
	if err := g.readManifest(root); err != nil {
		return err
	}
	files, err := artifact.Files(g.parsed)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := g.open(root, f); err != nil {
			return err
		}
	}
	config := artifact.ConfigOf(g.parsed)
	noConfig := g.openConfig(root, config)
	for _, b := range g.blobs {
		err := b.verify(ctx, known)
		if err != nil && b.name == config.Name && ctx.Err() == nil {
			delete(g.blobs, config.Descriptor.Digest)
			noConfig, err = err, b.close()
		}
		if err != nil {
			return err
		}
	}
	meta, err := snapshot.ReadMetadata(g.blobs[files[0].Descriptor.Digest].reader())
	if err != nil {
		return err
	}
	g.tags = tagsOf(meta.Date)
	return g.makeConfig(config, meta, noConfig)
}

// open opens the file of a blob.
func (g *generation) open(root *os.Root, f artifact.File) error {
	b, err := openBlob(root, f)
	if err != nil {
		return err
	}
	g.seen[f.Name] = b.file.Then
	if old := g.blobs[f.Descriptor.Digest]; old != nil { // one blob may be two of them
		if err := old.close(); err != nil {
			return err
		}
	}
	g.blobs[f.Descriptor.Digest] = b
	return nil
}

// openConfig opens the file of the config, unless one of the others is the same. An earlier version
// did not keep it, and a pull does not mend it.
func (g *generation) openConfig(root *os.Root, config artifact.File) error {
	if info, err := os.Stat(filepath.Join(root.Name(), config.Name)); err == nil {
		g.seen[config.Name] = info // whatever it is: a change shows
	}
	if g.blobs[config.Descriptor.Digest] != nil {
		return nil
	}
	return g.open(root, config)
}

// readManifest reads the artifact's manifest.
func (g *generation) readManifest(root *os.Root) error {
	f, info, err := regular.OpenIn(root, artifact.ManifestFile)
	if err != nil {
		return fmt.Errorf("not a pulled snapshot: %w", err)
	}
	defer f.Close()
	g.seen[artifact.ManifestFile] = info
	raw, err := io.ReadAll(io.LimitReader(f, manifest.MaxBytes+1))
	if err != nil {
		return err
	}
	if g.parsed, err = manifest.Parse(raw, types.OCIManifestSchema1); err != nil {
		return fmt.Errorf("%s: %w", artifact.ManifestFile, err)
	}
	g.manifest = &store.Manifest{Raw: raw, Descriptor: v1.Descriptor{
		MediaType: g.parsed.MediaType, Size: int64(len(raw)), Digest: hashOf("sha256", raw),
	}}
	return nil
}

// makeConfig makes the config of what manifest.json says, as those who package snapshots do, if the
// directory does not have it, which is why.
func (g *generation) makeConfig(config artifact.File, meta snapshot.Metadata, why error) error {
	if g.blobs[config.Descriptor.Digest] != nil {
		return nil
	}
	made, err := artifact.MakeConfig(meta.LEIVersion, meta.Created, meta.EntryCount)
	if err != nil {
		return err
	}
	if d := config.Descriptor; int64(len(made)) != d.Size || hashOf(d.Digest.Algorithm, made) != d.Digest {
		remove := config.Name + " and " + artifact.ManifestFile
		if errors.Is(why, fs.ErrNotExist) {
			why, remove = fmt.Errorf("%w: %s, which not every pull has kept", errdef.ErrNotFound, config.Name), artifact.ManifestFile
		}
		return fmt.Errorf("%w; remove %s there and pull again, which fetches nothing else", why, remove)
	}
	g.blobs[config.Descriptor.Digest] = &blob{made: made, descriptor: config.Descriptor}
	return nil
}

// unchanged reports whether the directory at path still has the files of g.
func (g *generation) unchanged(path string) bool {
	for _, name := range []string{artifact.ManifestFile, artifact.ConfigFile, snapshot.ManifestFile, snapshot.CacheFile} {
		then := g.seen[name]
		now, err := os.Stat(filepath.Join(path, name))
		if then == nil && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if then == nil || err != nil || !regular.Unchanged(then, now) {
			return false
		}
	}
	return true
}

// retire closes the files as soon as nobody reads them. The caller holds the mutex of the Dir.
func (g *generation) retire() {
	if g == nil {
		return
	}
	g.retired = true
	if g.readers == 0 {
		_ = g.close() // nothing was written
	}
}

// release is what follows a use of a blob. The caller holds the mutex of the Dir.
func (g *generation) release() {
	if g.readers--; g.readers == 0 && g.retired {
		_ = g.close() // nothing was written
	}
}

func (g *generation) close() error {
	if g == nil {
		return nil
	}
	var errs []error
	for _, b := range g.blobs {
		errs = append(errs, b.close())
	}
	return errors.Join(errs...)
}
