// Package store defines what the places that keep artifacts have in common: a registry's repository,
// an OCI image layout, an archive of one, and a directory that was pulled. Each holds one repository.
//
// It has no code that reads or writes: packages registry, ocilayout and target do that.
package store

import (
	"context"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A Manifest is a manifest of any kind: of an image, or an index.
type Manifest struct {
	// Descriptor has the digest and the size of Raw, both computed, and the media type that Raw
	// states or else the place. Annotations and the like are not set.
	Descriptor v1.Descriptor
	Raw        []byte
}

// A Reader reads a repository. It is safe for concurrent use. Its String method names the place as
// a user would.
//
// The errors: errdef.ErrNotFound for what is not there, errdef.ErrVerification for content that does
// not match its digest or its size, errdef.ErrTooLarge for what exceeds a limit.
type Reader interface {
	fmt.Stringer
	// Manifest returns the manifest that id, a tag or a digest, names. At most 4 MiB are read.
	Manifest(ctx context.Context, id string) (*Manifest, error)
	// Blob opens a blob. Its reader does not reach io.EOF before size and digest match.
	Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)
	// Download fills a partial file with the verified content of a blob, continuing what it holds,
	// and returns the number of bytes it read from the place.
	Download(ctx context.Context, d v1.Descriptor, into Partial) (fetched int64, err error)
	// Tags returns all tags, each once, in the place's order.
	Tags(ctx context.Context) ([]string, error)
	// Referrers returns the descriptors of the manifests whose subject has a digest, each once,
	// whatever tells of them: an API, or the index under the tag that the digest makes (OCI
	// distribution specification, "Referrers Tag Schema"). They are the place's word.
	Referrers(ctx context.Context, subject v1.Hash) ([]v1.Descriptor, error)
}

// A Writer writes to a repository. It is safe for concurrent use. Close must be called.
type Writer interface {
	fmt.Stringer
	// HasBlob reports whether a blob is there.
	HasBlob(ctx context.Context, d v1.Descriptor) (bool, error)
	// PutBlob reads a blob from elsewhere and writes it, verified. What an earlier PutBlob has
	// left of it, which was interrupted, is continued.
	PutBlob(ctx context.Context, d v1.Descriptor, from Reader) error
	// PutManifest writes a manifest whose blobs are there, byte for byte, under its digest, and
	// under tags in the order given, which may be none.
	PutManifest(ctx context.Context, m *Manifest, tags ...string) error
	// OnCommit sets a function that Commit calls where it makes anything visible: when no other
	// Writer can change the place any more, and maybe several times. Its error is that of Commit,
	// which then changes nothing. A registry has no such time, and does not call it.
	OnCommit(check func(context.Context) error)
	// Commit makes all that was put visible, where that does not happen before. After an error,
	// the place is what it was, except that a registry keeps what it was sent.
	Commit(ctx context.Context) error
	// Close ends the use of the Writer. Before Commit, it discards what was put, except for what a
	// later Writer can continue from.
	Close() error
}

// A File is the content of a blob that can be read from any offset.
type File interface {
	io.ReadSeeker
	io.ReaderAt
	io.Closer
}

// A Local is a Reader of files of this machine, whose blobs can be read from any offset.
type Local interface {
	Reader
	// OpenBlob opens a blob by its digest alone, and returns its size. The content was verified,
	// at the latest now, and is verified again when the time of its file has changed, for which ctx
	// must not end before Close. Reading fails with errdef.ErrVerification if somebody has written
	// to the file since, unless its time stayed the same.
	OpenBlob(ctx context.Context, digest v1.Hash) (f File, size int64, err error)
	// Close closes the files that are open.
	Close() error
}

// A Partial is a file that may hold the beginning of a blob, from a download that was interrupted,
// or something else entirely. It is an alias, so that it is the same for packages that do not know
// this one.
type Partial = interface {
	// Size is the number of bytes it held when it was opened, or zero after Reset.
	Size() int64
	// Content reads those bytes.
	Content() io.Reader
	// Write appends.
	io.Writer
	// Reset empties it.
	Reset() error
}
