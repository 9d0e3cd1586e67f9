package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
)

// provenance is what the publisher of a snapshot says about it, and who signed that.
type provenance struct {
	SignedBy   []string  `json:"signed_by,omitempty"`
	ValidUntil time.Time `json:"valid_until,omitzero"`
	NextUpdate time.Time `json:"next_update,omitzero"`

	digest string // of the artifact
}

func newProvenance(res *leioci.PullResult) provenance {
	p := provenance{ValidUntil: res.ValidUntil.UTC(), NextUpdate: res.NextUpdate.UTC(), digest: res.Digest.String()}
	for _, s := range res.Signatures {
		p.SignedBy = append(p.SignedBy, s.Signer)
	}
	return p
}

// expired reports whether the publisher says that the snapshot is good no longer.
func (p provenance) expired() bool { return !p.ValidUntil.IsZero() && time.Now().After(p.ValidUntil) }

// checkTrusted returns an error unless the policy, if there is one, trusts the artifact with a digest
// that the directory holds. An earlier pull must have verified it under the same policy. It may
// have expired since, like what is served already.
func (w *watcher) checkTrusted(ctx context.Context, digest string) error {
	if w.policy == nil || w.svc.status.from(digest).digest != "" {
		return nil // the policy applies to every pull
	}
	res, err := leioci.Held(ctx, w.dir, leioci.WithVerifier(w.policy), leioci.ClockAllowance(math.MaxInt64), leioci.AllowFuture())
	if err != nil {
		return fmt.Errorf("-policy: %w", err)
	}
	if res.Digest.String() != digest {
		return replacedError(w.dir)
	}
	w.svc.status.learned(newProvenance(res))
	return nil
}
