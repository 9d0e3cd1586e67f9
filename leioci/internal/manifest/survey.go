package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/jsonstream"
)

const (
	// maxLayers is the number of layers that a manifest may have. An LEI artifact has two, and file
	// systems stack at most a few hundred. In JSON, an empty layer takes 3 bytes, and decoded,
	// 50 times as much.
	maxLayers = 1000
	// maxValues is the number of JSON values that a manifest may hold: annotations and URLs, too, take
	// much more memory than they have bytes.
	maxValues = 50_000
)

// A surveyed says what a survey found.
type surveyed struct {
	manifests   bool // there is a member of that name, if only null
	annotations int  // as many as are written, of the manifest and its descriptors
	layers      int
}

// survey reads a manifest and keeps nothing of it. It refuses what would take too much memory to
// decode, and what is ambiguous: encoding/json ignores the case of members' names, and takes the
// last of several; other readers do not.
func survey(raw []byte) (surveyed, error) {
	var s surveyed
	err := s.read(raw, s.manifest, "layers", maxLayers, maxValues)
	return s, refused(err)
}

// refused makes an error that of a manifest which is not supported.
func refused(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errdef.ErrUnsupportedManifest, err)
}

// read reads a whole text by a function that knows its members. There may be at most so many layers,
// or manifests, and values.
func (s *surveyed) read(raw []byte, object func(*jsonstream.Reader) error, listed string, mostListed, mostValues int) error {
	r := jsonstream.NewReader(bytes.NewReader(raw))
	err := object(r)
	if err == nil {
		err = r.End()
	}
	switch {
	case errors.Is(err, jsonstream.ErrType):
		return errors.New("not a JSON object")
	case err != nil:
		return err
	case s.layers > mostListed:
		return fmt.Errorf("%w: %d %s, limit %d", errdef.ErrTooLarge, s.layers, listed, mostListed)
	case r.Values() > mostValues:
		return fmt.Errorf("%w: %d JSON values, limit %d", errdef.ErrTooLarge, r.Values(), mostValues)
	}
	return nil
}

func (s *surveyed) manifest(r *jsonstream.Reader) error {
	known := names{known: []string{
		"schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "subject", "annotations",
	}}
	return r.Object(func(name []byte) error {
		member, err := known.member(name)
		if err != nil {
			return err
		}
		switch member {
		case "config", "subject":
			return s.descriptor(r)
		case "layers":
			return orSkip(r, r.Array(func() error {
				s.layers++
				return s.descriptor(r)
			}))
		case "annotations":
			return s.countAnnotations(r)
		case "manifests":
			s.manifests = true
		}
		return r.Skip()
	})
}

func (s *surveyed) descriptor(r *jsonstream.Reader) error {
	known := names{known: []string{
		"mediaType", "digest", "size", "data", "urls", "annotations", "platform", "artifactType",
	}}
	return orSkip(r, r.Object(func(name []byte) error {
		member, err := known.member(name)
		switch {
		case err != nil:
			return err
		case member == "annotations":
			return s.countAnnotations(r)
		}
		return r.Skip()
	}))
}

func (s *surveyed) countAnnotations(r *jsonstream.Reader) error {
	return orSkip(r, r.Object(func([]byte) error {
		s.annotations++
		return r.Skip()
	}))
}

// orSkip skips a value of another type than was expected. If it is not null, decoding it will fail.
func orSkip(r *jsonstream.Reader, err error) error {
	if errors.Is(err, jsonstream.ErrType) {
		return r.Skip()
	}
	return err
}

// names are the names of members that mean something, and which of them there were.
type names struct {
	known []string
	seen  uint
}

// member returns a name if it means something. One that there was before, or that differs from a
// known one in case only, is an error.
func (n *names) member(name []byte) (string, error) {
	for i, known := range n.known {
		switch {
		case !strings.EqualFold(known, string(name)):
			continue
		case known != string(name):
			return "", fmt.Errorf("member %q is not quite %q", name, known)
		case n.seen&(1<<i) != 0:
			return "", fmt.Errorf("%q is given twice", known)
		}
		n.seen |= 1 << i
		return known, nil
	}
	return "", nil
}
