package ociarchive

import (
	"errors"

	"github.com/lowendinsight/lei-go/leioci/internal/staging"
)

// A lockless disk has no locks.
type lockless struct{ disk }

func (lockless) openLocked(string) (staging.LockedFile, error) { return nil, errors.ErrUnsupported }
