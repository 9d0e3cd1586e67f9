package leioci

import (
	"context"
	"fmt"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// nextPlaceAfter is how long a place may take to decide before the next one is asked, too: one that
// hangs must not make every pull wait for the stall timeout, in each of its attempts.
const nextPlaceAfter = 3 * time.Second

// verifyAt lets the verifiers look at an artifact. Its signatures may be at any of the places: a
// mirror may have the artifact and not what refers to it. They are asked in order, and the first
// that has what is needed counts.
func (t trust) verifyAt(ctx context.Context, src *registry.Source, asked Location, raw []byte) (*Subject, error) {
	places := src.Apart()
	if len(places) == 1 {
		return t.verifyIn(ctx, places[0].Reader(), asked, raw)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type decision struct {
		place int
		s     *Subject
		err   error
	}
	decided := make(chan decision, len(places))
	refusals := make([]error, len(places))
	for begun, ended := 0, 0; ended < len(places); {
		var late <-chan time.Time
		if err := context.Cause(ctx); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUntrusted, err)
		}
		if begun < len(places) {
			place := begun
			begun++
			go func() {
				s, err := t.verifyIn(ctx, places[place].Reader(), asked, raw)
				decided <- decision{place, s, err}
			}()
			late = time.After(nextPlaceAfter)
		}
		select {
		case d := <-decided:
			if d.err == nil {
				return d.s, nil
			}
			ended++
			refusals[d.place] = d.err
		case <-late:
		}
	}
	err := fmt.Errorf("%s: %w", places[0].First(), refusals[0])
	for i, place := range places[1:] {
		err = fmt.Errorf("%w; %s: %w", err, place.First(), refusals[i+1])
	}
	return nil, err
}

// verifyFrom is verifyAt or verifyIn, for any place.
func (t trust) verifyFrom(ctx context.Context, from store.Reader, asked Location, raw []byte) (*Subject, error) {
	if r, ok := from.(registry.Reader); ok {
		return t.verifyAt(ctx, r.Source(), asked, raw)
	}
	return t.verifyIn(ctx, from, asked, raw)
}
