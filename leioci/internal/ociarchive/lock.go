package ociarchive

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/staging"
)

// How the partial archive that someone else holds is waited for: it is tried after the first pause,
// then after twice that, up to the longest. After a few seconds, and then every minute, the log
// says what is waited for.
const (
	firstPause   = 10 * time.Millisecond
	longestPause = 500 * time.Millisecond
	sayAfter     = 3 * time.Second
	sayEvery     = time.Minute
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
	begun := time.Now()
	say := begun.Add(sayAfter)
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		var err error
		if p.file, err = dk.openLocked(p.path); err == nil {
			sweep(dk, p.path, log)
			return p, nil
		}
		if !errors.Is(err, staging.ErrInUse) {
			return p, p.makePrivate(err, log)
		}
		if now := time.Now(); !now.Before(say) {
			log.Warnf("waiting for %v for another process that writes %s, until it ends or lets go of %s",
				now.Sub(begun).Round(time.Second), target, p.path)
			say = now.Add(sayEvery)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("lock %s: %w", p.path, context.Cause(ctx))
		}
	}
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
