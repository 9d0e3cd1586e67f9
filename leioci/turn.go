package leioci

import "context"

// A turn is a lock whose waiting ends with a context.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take waits for the turn. Whoever has it gives it back.
func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t turn) give() { <-t }
