package snapshot

import (
	"context"
	"io"
	"os"
)

// An indexState says what is known of a snapshot's index.
type indexState struct {
	lock   chan struct{} // of the rest, obtained by sending
	index  *index        // nil if there is none, or none that can be believed
	proven bool          // that it is about these files
}

// adopt opens the index in root, if there is one that may be about the snapshot's files. It reports
// whether the file system says that it is.
func (s *Snapshot) adopt(root *os.Root) bool {
	s.state = &indexState{lock: make(chan struct{}, 1)}
	ix, err := openIndex(root)
	if err != nil {
		return false // the snapshot can do without
	}
	if ix.Cache.Size != s.cache.info.Size() || ix.Manifest.Size != s.manifest.info.Size() {
		_ = ix.close() // opened for reading: nothing to lose
		return false
	}
	s.opened, s.state.index = ix, ix
	s.state.proven = ix.Cache.is(s.cache.info) && ix.Manifest.is(s.manifest.info)
	return s.state.proven
}

// Indexed reports whether questions are answered by an index: see [Index]. For a directory that was
// copied, the first call, or the first question, compares the index with the snapshot's files by
// digest, which takes the time of reading them. An error is that of doing so.
func (s *Snapshot) Indexed(ctx context.Context) (bool, error) {
	ix, err := s.usable(ctx)
	return ix != nil, err
}

// usable returns the index, or nil if there is none that can be believed. An error is that of
// reading the snapshot's files.
func (s *Snapshot) usable(ctx context.Context) (*index, error) {
	if err := contextErr(ctx); err != nil || s.state == nil {
		return nil, err
	}
	select {
	case s.state.lock <- struct{}{}:
	case <-ctx.Done():
		return nil, contextErr(ctx)
	}
	defer func() { <-s.state.lock }()
	if s.state.index == nil || s.state.proven {
		return s.state.index, nil
	}
	same, err := s.prove(ctx, s.state.index)
	if err != nil {
		return nil, err
	}
	if s.state.proven = same; !same {
		s.state.index = nil
	}
	return s.state.index, nil
}

// prove compares the digests of the snapshot's files with those in an index.
func (s *Snapshot) prove(ctx context.Context, ix *index) (bool, error) {
	for _, of := range []struct {
		file File
		want identity
	}{{s.manifest, ix.Manifest}, {s.cache, ix.Cache}} {
		digest, err := digestOf(ctx, of.file.content())
		if err != nil || digest != of.want.Digest {
			return false, err
		}
	}
	return true, nil
}

// distrust is for an index that turned out to be damaged. It is never used again.
func (s *Snapshot) distrust() {
	s.state.lock <- struct{}{}
	s.state.index = nil
	<-s.state.lock
}

// indexFits reports whether the index is whole, and that of the snapshot without a comparison of
// digests.
func (s *Snapshot) indexFits(ctx context.Context) (bool, error) {
	if err := contextErr(ctx); err != nil {
		return false, err
	}
	ix := s.state.index
	if ix == nil || !s.state.proven {
		return false, nil
	}
	digest, err := digestOf(ctx, io.NewSectionReader(ix.file, headerBytes, ix.Size-headerBytes))
	if ctxErr := contextErr(ctx); ctxErr != nil {
		return false, ctxErr
	}
	return err == nil && digest == ix.Digest, nil
}
