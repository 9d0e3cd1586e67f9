package snapshot

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/lowendinsight/lei-go/leioci/internal/jsonstream"
)

// errStop ends the reading of manifest.json where nothing more of it is wanted.
var errStop = errors.New("stop")

// Repos iterates over the repositories of the reports as manifest.json lists them: each once, in
// order of first appearance. Nothing checks the list against the reports, [Snapshot.Verify]
// included.
//
// It reads manifest.json anew each time it is ranged over, in a stream, and the loop may stop at
// any point. An error is the last value yielded, with an empty name: [ErrTooLarge] for a name of
// more than 1 MiB, [ErrNotSnapshot] if the file was changed since the snapshot was opened and is
// not a manifest.json any more, or a file system error.
func (s *Snapshot) Repos() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		source := &manifestReader{r: s.manifest.content()}
		err := readRepos(source, func(repo string) bool { return yield(repo, nil) })
		switch {
		case err == nil, errors.Is(err, errStop):
			return
		case source.err == nil && !errors.Is(err, ErrTooLarge):
			err = fmt.Errorf("%w: %w", ErrNotSnapshot, err)
		}
		yield("", fmt.Errorf("read %s: %w", s.manifest.path, err))
	}
}

// readRepos passes the repositories in a manifest.json to found until that returns false.
func readRepos(source io.Reader, found func(repo string) bool) error {
	r := jsonstream.NewReader(source)
	return r.Object(func(name []byte) error {
		if string(name) != reposMember {
			return r.Skip()
		}
		if null, err := r.Null(); null || err != nil {
			return err
		}
		err := eachRepo(r, maxStringBytes, func(repo string, whole bool) error {
			switch {
			case !whole:
				return fmt.Errorf("%s: a name: %w of %d bytes", reposMember, ErrTooLarge, maxStringBytes)
			case !found(repo):
				return errStop
			}
			return nil
		})
		if err == nil {
			err = errStop
		}
		return err
	})
}
