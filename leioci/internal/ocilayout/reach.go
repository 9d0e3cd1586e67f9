package ocilayout

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
)

const (
	// maxReachable is the number of manifests that are looked at, each of which takes 300 bytes of
	// memory, and maxDepth the number of indexes, one in the other, that lead to one. Both are
	// more than a copy brings at once: several may be in one layout, and in lists of referrers.
	maxReachable = 100_000
	maxDepth     = 12
	// mostMissing is how many manifests that are not there are looked for again each time.
	mostMissing = 100
)

// A node is a manifest that index.json leads to.
type node struct {
	v1.Descriptor         // as the first index that lists it has it
	subject       v1.Hash // zero if there is none
	nested        bool    // listed in another index
	damaged       error   // why nothing is known of it; nil if it could be read
}

// reachable returns the manifests that index.json lists, and those that they list, each once. A
// manifest that is not there, as in a copy of a part, has a node all the same, but nothing is known
// of it. So has one of a kind that is unknown, and one that is damaged: what else is there can be used.
func (x *Index) reachable(ctx context.Context, read Read) ([]node, error) {
	x.mu.Lock()
	seen, missing := x.seen, x.missing
	x.mu.Unlock()
	if seen != nil {
		came, err := haveCome(ctx, missing, read)
		if err != nil || !came {
			return seen, err
		}
	}
	w := walk{read: read, at: map[v1.Hash]int{}}
	for _, e := range x.entries {
		w.meet(e.Descriptor, false)
	}
	for depth, begin := 0, 0; begin < len(w.nodes); depth++ {
		if depth == maxDepth {
			return nil, fmt.Errorf("%w: more than %d indexes, one in the other", errdef.ErrTooLarge, maxDepth)
		}
		end := len(w.nodes)
		for i := begin; i < end; i++ {
			if err := w.look(ctx, i); err != nil {
				return nil, err
			}
		}
		begin = end
	}
	x.mu.Lock()
	x.seen, x.missing = w.nodes, w.missing
	x.mu.Unlock()
	return w.nodes, nil
}

// haveCome reports whether something is there, in order, that was missing.
func haveCome(ctx context.Context, missing []v1.Descriptor, read Read) (bool, error) {
	for _, d := range missing {
		if _, err := read(ctx, d); !isLost(err) {
			return err == nil, err
		}
	}
	return false, nil
}

// isLost reports whether err says that a manifest is not there, or is damaged.
func isLost(err error) bool {
	return errors.Is(err, errdef.ErrNotFound) || errors.Is(err, errdef.ErrVerification)
}

type walk struct {
	read    Read
	nodes   []node
	at      map[v1.Hash]int // the place of a node
	missing []v1.Descriptor // was not there, or damaged, and may come; not more than mostMissing
}

func (w *walk) meet(d v1.Descriptor, nested bool) {
	i, known := w.at[d.Digest]
	if !known {
		i = len(w.nodes)
		w.at[d.Digest] = i
		w.nodes = append(w.nodes, node{Descriptor: v1.Descriptor{MediaType: d.MediaType, Size: d.Size, Digest: d.Digest}})
	}
	w.nodes[i].nested = w.nodes[i].nested || nested
}

// look reads a manifest. An index may list what is none, and of any size.
func (w *walk) look(ctx context.Context, i int) error {
	if len(w.nodes) > maxReachable {
		return fmt.Errorf("%w: index.json leads to more than %d manifests", errdef.ErrTooLarge, maxReachable)
	}
	d := w.nodes[i].Descriptor
	if d.MediaType != "" && !d.MediaType.IsImage() && !d.MediaType.IsIndex() || d.Size > manifest.MaxBytes {
		return nil
	}
	raw, err := w.read(ctx, d)
	if isLost(err) {
		if len(w.missing) < mostMissing {
			w.missing = append(w.missing, d)
		}
		if !errors.Is(err, errdef.ErrNotFound) {
			w.nodes[i].damaged = err
		}
		return nil
	}
	if err != nil {
		return err
	}
	if kind, err := manifest.ParseAny(raw, d.MediaType); err == nil {
		if kind.Subject != nil {
			w.nodes[i].subject = kind.Subject.Digest
		}
		for _, child := range kind.Children {
			w.meet(child, true)
		}
	} // else it leads nowhere; who asks for it is told why
	return nil
}
