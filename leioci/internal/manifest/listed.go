package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/jsonstream"
)

// Listed returns the descriptors of the manifests that an index lists. It is for lists that are only
// somebody's word: what is not a descriptor with a digest is left out, and nothing else of the index
// counts. The errors: errdef.ErrTooLarge, and errdef.ErrUnsupportedManifest for what is not a JSON
// object with a list of manifests, which may be null.
func Listed(raw []byte) ([]v1.Descriptor, error) {
	if err := surveyList(raw); err != nil {
		return nil, fmt.Errorf("%w: %w", errdef.ErrUnsupportedManifest, err)
	}
	var index struct {
		Manifests []json.RawMessage `json:"manifests"`
	}
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, fmt.Errorf("%w: %.200s", errdef.ErrUnsupportedManifest, err.Error())
	}
	var listed []v1.Descriptor
	for _, text := range index.Manifests {
		var d v1.Descriptor
		if json.Unmarshal(text, &d) != nil {
			d = v1.Descriptor{}
			var bare struct {
				Digest v1.Hash `json:"digest"`
			}
			if json.Unmarshal(text, &bare) != nil {
				continue
			}
			d.Digest = bare.Digest
		}
		if d.Digest != (v1.Hash{}) {
			listed = append(listed, d)
		}
	}
	return listed, nil
}

// surveyList reads an index and keeps nothing of it. It refuses what would take too much memory to
// decode.
func surveyList(raw []byte) error {
	r := jsonstream.NewReader(bytes.NewReader(raw))
	lists := false
	err := r.Object(func(name []byte) error {
		lists = lists || string(name) == "manifests"
		return r.Skip()
	})
	if err == nil {
		err = r.End()
	}
	switch {
	case errors.Is(err, jsonstream.ErrType):
		return errors.New("not a JSON object")
	case err != nil:
		return err
	case !lists:
		return errors.New("no list of manifests")
	case r.Values() > maxValues:
		return fmt.Errorf("%w: %d JSON values, limit %d", errdef.ErrTooLarge, r.Values(), maxValues)
	}
	return nil
}
