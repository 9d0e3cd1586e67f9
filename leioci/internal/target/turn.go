package target

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// each does something for all files, the config included, for several at once.
func (f *filling) each(ctx context.Context, do func(ctx context.Context, i int) error) error {
	return f.eachInTurn(ctx, 0, len(f.all()), func(ctx context.Context, i int, asks func()) error {
		asks() // nobody for anything
		return do(ctx, i)
	})
}

// eachInTurn does something for the files from first up to but not including end, for several at
// once. It begins with the largest, and with another one when that has called its third argument,
// or is done. So the largest gets the connection that is there already.
func (f *filling) eachInTurn(ctx context.Context, first, end int, do func(ctx context.Context, i int, asks func()) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(f.concurrency)
	files := f.all()
	for _, i := range f.largestFirst(first, end) {
		asked := make(chan struct{})
		asks := sync.OnceFunc(func() { close(asked) })
		g.Go(func() error {
			defer asks()
			if err := do(ctx, i, asks); err != nil {
				return fmt.Errorf("%s: %w", files[i].Name, err)
			}
			return nil
		})
		<-asked
	}
	return g.Wait()
}

// largestFirst returns the numbers of these files in the order of their sizes.
func (f *filling) largestFirst(first, end int) []int {
	files, order := f.all(), []int(nil)
	for i := first; i < end; i++ {
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(files[b].Descriptor.Size, files[a].Descriptor.Size)
	})
	return order
}
