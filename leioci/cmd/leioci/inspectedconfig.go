package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
)

// A configJSON describes the config of an artifact.
type configJSON struct {
	descriptorJSON
	Content json.RawMessage `json:"content,omitempty"` // if it is JSON
	kept    bool            // in this place
}

// read reads the config, unless it is too large to be one.
func (c *configJSON) read(ctx context.Context, from inspected) error {
	if c.Size > manifest.MaxBytes {
		return nil
	}
	d, err := c.descriptor()
	if err != nil {
		return err
	}
	rc, err := from.blob(ctx, d, "")
	if errors.Is(err, errNotKept) {
		c.kept = false
		return nil
	}
	if err != nil {
		return err
	}
	defer rc.Close()
	content, err := io.ReadAll(rc)
	if err == nil && json.Valid(content) {
		c.Content = content
	}
	return err
}
