package snapshot

import (
	"errors"
	"fmt"
	"io"

	"github.com/lowendinsight/lei-go/leioci/internal/jsonstream"
)

// maxStringBytes is the length of the longest string of a manifest.json that is kept.
const maxStringBytes = 1 << 20

// reposMember is the name of the member that lists the repositories.
const reposMember = "repos"

// wireMetadata holds the members of manifest.json that are kept, as they are written. One that is
// missing or null is empty or 0.
type wireMetadata struct {
	formatVersion, leiVersion, created, date, contentHash string
	entryCount, rawSize, compressedSize                   int64
}

// members returns where the value of each member goes. That of repos goes nowhere.
func (w *wireMetadata) members() map[string]any {
	return map[string]any{
		"format_version":  &w.formatVersion,
		"lei_version":     &w.leiVersion,
		"created":         &w.created,
		"date":            &w.date,
		"entry_count":     &w.entryCount,
		reposMember:       nil,
		"raw_size":        &w.rawSize,
		"compressed_size": &w.compressedSize,
		"content_hash":    &w.contentHash,
	}
}

// decodeMetadata decodes exactly one JSON object. Its errors are short whatever the JSON holds.
func decodeMetadata(source io.Reader) (wireMetadata, error) {
	var wire wireMetadata
	members, seen := wire.members(), map[string]bool{}
	r := jsonstream.NewReader(source)
	err := r.Object(func(name []byte) error {
		into, known := members[string(name)]
		if !known {
			return r.Skip()
		}
		member := string(name)
		if seen[member] {
			return fmt.Errorf("%s is given twice", member)
		}
		seen[member] = true
		return readMember(r, member, into)
	})
	if errors.Is(err, jsonstream.ErrType) {
		return wire, errors.New("not a JSON object")
	}
	if err != nil {
		return wire, err
	}
	return wire, r.End()
}

// readMember reads the value of a member. null leaves it as it is.
func readMember(r *jsonstream.Reader, member string, into any) error {
	if null, err := r.Null(); null || err != nil {
		return err
	}
	var err error
	var wanted string
	switch into := into.(type) {
	case *string:
		wanted = "a string"
		*into, err = r.String(maxStringBytes)
	case *int64:
		wanted = "a 64-bit integer"
		*into, err = r.Int64()
	default:
		wanted = "an array of strings"
		err = eachRepo(r, 0, func(string, bool) error { return nil })
	}
	switch {
	case errors.Is(err, jsonstream.ErrTooLong):
		return fmt.Errorf("%s is longer than %d bytes", member, maxStringBytes)
	case errors.Is(err, jsonstream.ErrType), errors.Is(err, jsonstream.ErrNotInteger):
		return fmt.Errorf("%s is not %s", member, wanted)
	}
	return err
}

// eachRepo reads an array of strings. It calls found with each of at most limit bytes, and with ""
// and false instead of one that is longer. null is read as "", as encoding/json does.
func eachRepo(r *jsonstream.Reader, limit int, found func(repo string, whole bool) error) error {
	return r.Array(func() error {
		if null, err := r.Null(); err != nil {
			return err
		} else if null {
			return found("", true)
		}
		repo, err := r.String(limit)
		if err != nil && !errors.Is(err, jsonstream.ErrTooLong) {
			return err
		}
		return found(repo, err == nil)
	})
}
