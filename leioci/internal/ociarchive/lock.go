package ociarchive

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/staging"
)

// privateAge is how long a private partial archive may be in use after it was last written to.
const privateAge = 24 * time.Hour

// closeFirst says that a file must be closed before it is renamed or removed.
const closeFirst = runtime.GOOS == "windows"

// partialPath returns the path of the partial archive of a target. It has a hash of the target's
// name, which may be as long as a name can be.
func partialPath(target string) string {
	sum := sha256.Sum256([]byte(filepath.Base(target)))
	return filepath.Join(filepath.Dir(target), ".leioci-archive-"+hex.EncodeToString(sum[:6]))
}

// openPartial opens and locks the partial archive of a target. While someone else has it, it waits
// until ctx ends.
func openPartial(ctx context.Context, dk disk, target string, log logrus.FieldLogger) (*partial, error) {
	p := &partial{disk: dk, path: partialPath(target), at: map[v1.Hash]*region{}}
	var openErr error
	err := staging.Await(ctx, p.path, func() error {
		if p.file, openErr = dk.openLocked(p.path); errors.Is(openErr, staging.ErrInUse) {
			return openErr
		}
		return nil
	}, func(waited time.Duration) {
		log.Warnf("waiting for %v for another process that writes %s, until it ends or lets go of %s", waited, target, p.path)
	})
	if err != nil {
		return nil, err
	}
	if openErr != nil {
		return p, p.makePrivate(openErr, log)
	}
	sweep(dk, p.path, log)
	return p, nil
}

// makePrivate creates a partial archive that nobody else knows, because of an error with the one
// that others know.
func (p *partial) makePrivate(because error, log logrus.FieldLogger) error {
	path := p.path + "-" + rand.Text()
	f, err := p.disk.create(path)
	if err != nil {
		return errors.Join(because, err)
	}
	log.Infof("what is written cannot be continued by another process: %v", because)
	p.file, p.path, p.private = f, path, true
	return nil
}

// sweep removes the private partial archives that killed processes left beside one. What cannot be
// removed does no harm.
func sweep(dk disk, path string, log logrus.FieldLogger) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !strings.HasPrefix(e.Name(), filepath.Base(path)+"-") || !info.Mode().IsRegular() {
			continue
		}
		if time.Since(info.ModTime()) < privateAge {
			continue
		}
		if err := dk.remove(filepath.Join(filepath.Dir(path), e.Name())); err != nil {
			log.Infof("cannot remove what a killed process left: %v", err)
		}
	}
}
