package leioci

import (
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// A copying is a copy in progress.
type copying struct {
	client   *Client
	opts     copyOptions
	from, to Location // without a tag or digest, for errors
	at       Location // what is written to, whatever the working directory and symbolic links become
	src      store.Reader
	dst      store.Writer
	held     store.Reader // reads the destination as it was; nil if there was none
	source   io.Closer    // nil if there is nothing to close
	oneFile  bool         // the source is the destination
	closers  []io.Closer  // of what was held
	id       string       // the tag or digest to copy; empty with AllTags
	tag      string       // to make at the destination; empty for none, and with AllTags
	// trusts: what a manifest leads to that the destination has is there, too, as the destination
	// itself sees to that. A layout or an archive is looked at, which costs no requests.
	trusts bool

	roots []root // what to copy

	bytes    atomic.Int64        // of blobs, from the source
	done     map[v1.Hash]bool    // the manifests that are there
	pending  []v1.Hash           // those whose referrers are still to be copied
	attached []root              // with NoOverwrite, the tags of cosign that are made
	listed   map[string]bool     // the tags of the source; nil if they are not known
	kept     map[v1.Hash]fetched // with AllTags, manifests that will be needed again
	budget   int                 // how many bytes of them may still be kept
	result   CopyResult
}

// A fetched manifest was read from the source.
type fetched = *store.Manifest

func (c *Client) newCopying(o copyOptions, src, dst Location) *copying {
	return &copying{
		client: c, opts: o, from: src.Place(), to: dst.Place(), at: dst.Place(), id: src.id, tag: dst.id,
		done: map[v1.Hash]bool{}, kept: map[v1.Hash]fetched{}, budget: mostKept,
	}
}

// openCopying opens both places.
func (c *Client) openCopying(ctx context.Context, src, dst Location, o copyOptions) (_ *copying, err error) {
	p := c.newCopying(o, src, dst)
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	reader, closer, err := c.openReader(ctx, src, dst)
	if err != nil {
		return nil, fail("open", src.Place(), err)
	}
	p.source, p.src = closer, counted{reader, &p.bytes}
	if !o.allTags {
		if p.id, err = defaultID(ctx, src, reader); err != nil {
			return nil, fail("open", src.Place(), err)
		}
		if p.tag == "" && !src.At(p.id).byDigest() {
			p.tag = p.id
		}
	}
	// Opening an archive to write makes directories, and waits for whoever else writes to it.
	if p.roots, err = p.resolve(ctx); err == nil {
		err = p.trustRoots(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := p.openDestination(ctx, dst); err != nil {
		return nil, fail("open", dst.Place(), err)
	}
	return p, nil
}

// openDestination opens the destination to write, and to read what it has.
func (p *copying) openDestination(ctx context.Context, dst Location) error {
	if repo, ok := dst.Repository(); ok {
		w := p.client.registry.Destination(repo).Writer(p.src)
		p.dst, p.held, p.trusts = w, w.Reader(), !p.opts.allowMoveBack
		return nil
	}
	w, err := p.client.openWriter(ctx, dst)
	if err != nil {
		return err
	}
	p.dst = w
	if writer, ok := w.(interface{ Path() string }); ok {
		p.at.path = writer.Path()
	}
	p.oneFile = isOneFile(p.from.path, p.at.path)
	return p.openHeld(ctx)
}

// openHeld opens a layout or an archive, that is the destination, to read what it has now.
func (p *copying) openHeld(ctx context.Context) error {
	held, closer, err := p.client.openReader(ctx, p.at, Location{})
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnsupportedManifest) { // and the writer accepts it
		p.held = nil
		return nil
	}
	if err != nil {
		return err
	}
	p.held = held
	p.closers = append(p.closers, closer)
	return nil
}

// commit makes visible what was put. The tags of a layout or an archive are looked at once more when
// nobody else can change them. Then what is open of its files is closed: on some systems, an open file
// cannot be replaced. The source stays open, unless it is that file: the next look may need it.
func (p *copying) commit(ctx context.Context, roots []root) error {
	var refused error
	p.dst.OnCommit(func(ctx context.Context) error {
		refused = errors.Join(p.checkFilesAgain(ctx, roots), p.closeHeld())
		if p.oneFile {
			refused = errors.Join(refused, p.closeSource())
		}
		return refused
	})
	err := p.dst.Commit(ctx)
	switch {
	case err != nil && refused != nil:
		return refused // which says where, and that nothing was changed
	case err != nil:
		return fail("write", p.to, err)
	}
	return nil
}

// isOneFile reports whether two paths are those of one file.
func isOneFile(a, b string) bool {
	one, err := os.Stat(a)
	other, otherErr := os.Stat(b)
	return err == nil && otherErr == nil && os.SameFile(one, other)
}

// closeHeld closes what was opened of the destination to read.
func (p *copying) closeHeld() error {
	var errs []error
	for _, c := range p.closers {
		errs = append(errs, c.Close())
	}
	p.closers = nil
	return errors.Join(errs...)
}

func (p *copying) closeSource() error {
	c := p.source
	p.source = nil
	if c == nil {
		return nil
	}
	return c.Close()
}

// close ends the use of both places.
func (p *copying) close() error {
	err := errors.Join(p.closeHeld(), p.closeSource())
	if p.dst != nil {
		err = errors.Join(err, p.dst.Close())
	}
	return err
}

// isAbsent reports whether err says that a place does not have something.
func isAbsent(err error) bool {
	_, absent := errdef.NoteOf[registry.Absent](err)
	return absent || errors.Is(err, ErrNotFound)
}

// counted counts the bytes of blobs that are read from a place.
type counted struct {
	store.Reader
	bytes *atomic.Int64
}

// Source returns what is read of a registry, or nil.
func (c counted) Source() *registry.Source {
	if r, ok := c.Reader.(registry.Reader); ok {
		return r.Source()
	}
	return nil
}

func (c counted) Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	rc, err := c.Reader.Blob(ctx, d)
	if err != nil {
		return nil, err
	}
	return countedBlob{rc, c.bytes}, nil
}

func (c counted) Download(ctx context.Context, d v1.Descriptor, into store.Partial) (int64, error) {
	n, err := c.Reader.Download(ctx, d, into)
	c.bytes.Add(n)
	return n, err
}

type countedBlob struct {
	io.ReadCloser
	bytes *atomic.Int64
}

func (c countedBlob) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.bytes.Add(int64(n))
	return n, err
}
