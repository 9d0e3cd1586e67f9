package leioci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/target"
)

// demands are what [WithVerifier] and [WithPolicy] ask for.
type demands struct {
	verifiers trust
	policies  []*Policy // each is among the verifiers
}

// and returns both demands.
func (d demands) and(other demands) demands {
	return demands{slices.Concat(d.verifiers, other.verifiers), slices.Concat(d.policies, other.policies)}
}

// maxAge returns the strictest of a limit and those of the policies for a place. 0 is none.
func (d demands) maxAge(place string, limit time.Duration) time.Duration {
	for _, p := range d.policies {
		if most := p.maxAge(place); most > 0 && (limit == 0 || most < limit) {
			limit = most
		}
	}
	return limit
}

// trust are the verifiers of a client and of a call. All of them must trust an artifact.
type trust []Verifier

// policy names what all of them ask for. It is empty if one of them has no name for it. What they ask
// for may depend on the place.
func (t trust) policy() string {
	ids := make([]string, len(t))
	for i, v := range t {
		named, ok := v.(PolicyVerifier)
		if !ok || named.PolicyID() == "" {
			return ""
		}
		ids[i] = named.PolicyID()
	}
	slices.Sort(ids)
	return fmt.Sprintf("%q", slices.Compact(ids)) // quoted: an ID may hold anything
}

// verify returns [ErrUntrusted] if one of the verifiers does not trust an artifact, or has not said
// so when ctx ends.
func (t trust) verify(ctx context.Context, s *Subject) error {
	decided := make(chan error, 1)
	go func() {
		// The caller cannot recover from a panic in here, where verifiers parse what anybody has attached.
		err := errors.New("the verifier ended its goroutine") // without a panic, as testing.T.FailNow does
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("the verifier panicked: %v", p)
			}
			decided <- err
		}()
		err = t.ask(ctx, s)
	}()
	var err error
	select {
	case err = <-decided:
	case <-ctx.Done(): // a verifier that does not obey it is left behind
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	return nil
}

func (t trust) ask(ctx context.Context, s *Subject) error {
	for _, v := range t {
		if err := v.Verify(ctx, s); err != nil {
			return err
		}
		if err := context.Cause(ctx); err != nil { // it may not have asked everything
			return err
		}
	}
	return nil
}

// verdict is what to remember of an artifact that is trusted.
func (t trust) verdict(s *Subject) (target.Verdict, error) {
	note, err := json.Marshal(s.signed)
	return target.Verdict{
		Policy: t.policy(), Place: placeOf(s.Location), Path: target.Absolute(s.Location.path), Note: note,
	}, err
}

// signatures returns who had signed an artifact when it was trusted earlier.
func signatures(v target.Verdict) []Signature {
	var signed []Signature
	if json.Unmarshal(v.Note, &signed) != nil {
		return nil
	}
	return signed
}
