package registry

import "context"

// Connect authenticates.
func (d *Destination) Connect(ctx context.Context) error {
	return d.do(ctx, func(context.Context, *session) error { return nil })
}
