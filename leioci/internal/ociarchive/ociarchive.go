// Package ociarchive reads and writes tar archives of [OCI image layouts], as skopeo, podman and
// docker save write them.
//
// # Reading
//
// The headers are read once, when an archive is opened. Blobs are then read where they are:
// nothing is extracted. Everything is verified by its digest, so that an archive that is written to
// meanwhile yields an error, and one that is replaced stays what it was when it was opened.
//
// Neither a compressed archive nor a pipe can be read like that. Both are refused.
//
// # Writing
//
// A [Writer] downloads blobs right into a partial archive beside the target, whose name begins with
// .leioci-archive-, and renames that over the target at the end. Nobody but this user can read it
// before that. The header of a blob comes before its content, because its size is known, so that no
// blob is on the disk twice.
//
// The partial archive of a process that was killed, or that failed, stays there. The next Writer for
// the same target verifies what it holds and continues it. While a Writer is open the partial
// archive is locked, and another for the same target waits. Where there are no locks, or where the
// partial archive belongs to another user, a Writer uses a private one, which it removes. If the
// target has changed when it is to be replaced, it is read again, so that no tag that another
// process has added is lost.
//
// What the target holds is copied to the new archive: all tags and all blobs, even those that no
// tag leads to any more. Entries that are not part of a layout are not copied. Archives with the
// same content are the same, byte for byte, if they were written at one time and in the same order.
//
// [OCI image layouts]: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
package ociarchive

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/ocilayout"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// An Archive is an open archive. It implements [store.Local].
type Archive struct {
	path     string
	most     int64 // bytes of a blob
	file     *os.File
	info     fs.FileInfo // when it was opened
	contents *contents
	raw      []byte // index.json
	index    *ocilayout.Index

	mu     sync.Mutex
	checks map[v1.Hash]*regular.Once
}

var _ store.Local = (*Archive)(nil)

// Open opens an archive and reads its headers and its index. Blobs of more than maxBlobBytes are
// refused when they are read. Close must be called.
//
// The errors: errdef.ErrUnsupportedManifest for a file that is no such archive,
// errdef.ErrVerification for one that is cut off or damaged, errdef.ErrTooLarge for one that holds
// more than it may, [regular.ErrNotRegular], and [fs.ErrNotExist].
func Open(ctx context.Context, path string, maxBlobBytes int64) (*Archive, error) {
	f, info, err := regular.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open OCI archive: %w%s", err, irregularAdvice(err))
	}
	a := &Archive{path: path, most: maxBlobBytes, file: f, info: info, checks: map[v1.Hash]*regular.Once{}}
	if err := a.read(ctx); err != nil {
		_ = f.Close() // nothing was written
		return nil, fmt.Errorf("open OCI archive %s: %w", path, err)
	}
	return a, nil
}

// String returns the archive's location, oci-archive:FILE.
func (a *Archive) String() string { return location(a.path) }

func location(path string) string { return "oci-archive:" + path }

// Close closes the file. What is being read from it fails.
func (a *Archive) Close() error { return a.file.Close() }

// read reads what is remembered of an archive.
func (a *Archive) read(ctx context.Context) error {
	if err := checkUncompressed(a.file, a.path); err != nil {
		return err
	}
	var err error
	if a.contents, err = scan(ctx, a.file, a.info.Size()); err != nil {
		return err
	}
	if err := a.contents.checkLayout(a.path); err != nil {
		return err
	}
	if err := a.checkVersion(); err != nil {
		return err
	}
	if a.raw, err = a.small(indexName, manifest.MaxBytes); err != nil {
		return err
	}
	if a.index, err = ocilayout.ParseIndex(a.raw); err != nil {
		return fmt.Errorf("%s: %w", indexName, err)
	}
	return nil
}

// checkVersion returns an error unless the layout is of the version that this package knows.
func (a *Archive) checkVersion() error {
	raw, err := a.small(layoutName, 4<<10)
	if err != nil {
		return err
	}
	var layout struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err := json.Unmarshal(raw, &layout); err != nil {
		return fmt.Errorf("%w: %s: %.200s", errdef.ErrUnsupportedManifest, layoutName, err.Error())
	}
	if layout.Version != layoutVersion {
		return fmt.Errorf("%w: the layout is of version %.100q, not %s", errdef.ErrUnsupportedManifest, layout.Version, layoutVersion)
	}
	return nil
}

// small returns the content of an entry that is no blob.
func (a *Archive) small(name string, most int64) ([]byte, error) {
	content, err := a.section(name)
	if err != nil {
		return nil, err
	}
	if content.Size() > most {
		return nil, fmt.Errorf("%w: %s of %d bytes, limit %d", errdef.ErrTooLarge, name, content.Size(), most)
	}
	raw := make([]byte, content.Size())
	if _, err := io.ReadFull(content, raw); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return raw, nil
}

// Manifest implements [store.Reader].
func (a *Archive) Manifest(ctx context.Context, id string) (*store.Manifest, error) {
	m, err := a.index.Manifest(ctx, id, a.manifest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a, err)
	}
	return m, nil
}

// Default returns the tag or digest of the artifact that is meant when none is named; see
// [ocilayout.Index.Default].
func (a *Archive) Default(ctx context.Context) (string, error) {
	id, err := a.index.Default(ctx, a.manifest)
	if err != nil {
		return "", fmt.Errorf("%s: %w", a, err)
	}
	return id, nil
}

// Tags implements [store.Reader].
func (a *Archive) Tags(context.Context) ([]string, error) { return a.index.Tags(), nil }

// Referrers implements [store.Reader].
func (a *Archive) Referrers(ctx context.Context, subject v1.Hash) ([]v1.Descriptor, error) {
	all, err := a.index.Referrers(ctx, subject, a.manifest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a, err)
	}
	return all, nil
}

// manifest returns the content of a manifest.
func (a *Archive) manifest(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	content, err := a.blob(d)
	if err != nil {
		return nil, err
	}
	return readManifest(ctx, content, d)
}

// readManifest returns the content of a manifest, verified.
func readManifest(ctx context.Context, content io.Reader, d v1.Descriptor) ([]byte, error) {
	v, err := verify.NewReader(verify.Until(ctx, content), d.Digest, d.Size, manifest.MaxBytes)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(v)
}
