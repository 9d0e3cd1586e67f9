package leioci

import (
	"fmt"

	"github.com/lowendinsight/lei-go/leioci/internal/progress"
)

// A CopyOption changes what [Client.Copy] does.
type CopyOption interface{ copy(*copyOptions) error }

// copyOption is a [CopyOption] that serves nothing but copies.
type copyOption func(*copyOptions) error

func (f copyOption) copy(o *copyOptions) error { return f(o) }

type copyOptions struct {
	allTags, allowMoveBack, noOverwrite bool
	demands                             demands           // WithVerifier, WithPolicy
	progress                            *progress.Tracker // nil if nobody wants to be told
}

func (o *copyOptions) apply(opts []CopyOption) error {
	for i, opt := range opts {
		if opt == nil {
			return fmt.Errorf("option %d: nil", i+1)
		}
		if err := opt.copy(o); err != nil {
			return err
		}
	}
	return nil
}

// AllTags copies what all tags of the source hold, under the same tags. Neither location may name a
// tag or a digest then. Tags for what belongs to another manifest (lists of referrers, and cosign's)
// come along with that manifest, and not if no other tag leads to it.
func AllTags() CopyOption {
	return copyOption(func(o *copyOptions) error {
		o.allTags = true
		return nil
	})
}

// A DestinationOption is an option for pushes and for copies.
type DestinationOption interface {
	PushOption
	CopyOption
}

// destinationOption is a [DestinationOption] that sets the same for both.
type destinationOption struct {
	pushOption
	copyOption
}
