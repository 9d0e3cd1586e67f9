package manifest

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/jsonstream"
)

// MediaType returns the media type of a manifest of any kind: the one that it states or, if it
// states none, sentAs, the Content-Type that came with it. What is not a JSON object, states two
// media types, or has none at all, is errdef.ErrUnsupportedManifest.
func MediaType(raw []byte, sentAs types.MediaType) (types.MediaType, error) {
	if len(raw) > MaxBytes {
		return "", fmt.Errorf("%w: a manifest of %d bytes, limit %d", errdef.ErrTooLarge, len(raw), MaxBytes)
	}
	stated, err := statedMediaType(raw)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errdef.ErrUnsupportedManifest, err)
	}
	if stated != "" {
		return stated, nil
	}
	bare, _, _ := strings.Cut(string(sentAs), ";") // without a charset
	if bare = strings.TrimSpace(bare); bare == "" {
		return "", fmt.Errorf("%w: no media type", errdef.ErrUnsupportedManifest)
	}
	return types.MediaType(bare), nil
}

// maxMediaType is far more than any media type's length.
const maxMediaType = 255

func statedMediaType(raw []byte) (stated types.MediaType, err error) {
	known := names{known: []string{"mediaType"}}
	r := jsonstream.NewReader(bytes.NewReader(raw))
	err = r.Object(func(name []byte) error {
		member, err := known.member(name)
		if err != nil || member == "" {
			return orFirst(err, r.Skip)
		}
		if null, err := r.Null(); null || err != nil {
			return err
		}
		text, err := r.String(maxMediaType)
		stated = types.MediaType(text)
		return err
	})
	return stated, orFirst(err, r.End)
}

// orFirst returns err, or else what next returns.
func orFirst(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}
