package leioci

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// A Policy says for each place who must have signed its artifacts, and how old its snapshots may be,
// so that services and CI jobs can share one file. [ReadPolicy] makes one, and [WithPolicy] applies
// it. Its zero value trusts nothing.
type Policy struct {
	rules map[string]rule // by what place returns
	id    string
}

// rule is what a policy asks for where it applies.
type rule struct {
	verifier Verifier // nil if unsigned artifacts are accepted
	maxAge   time.Duration
}

// anywhere is the place of the rule for what no other rule fits.
const anywhere = "*"

// WithPolicy is [WithVerifier] with a policy, and applies its [MaxAge] to pulls, unless the option
// of that name is stricter.
func WithPolicy(p *Policy) TrustOption { return withPolicy{withVerifier{p}, p} }

type withPolicy struct {
	withVerifier
	policy *Policy
}

// pull implements [PullOption].
func (w withPolicy) pull(o *pullOptions) error {
	o.demands.policies = append(o.demands.policies, w.policy)
	return w.withVerifier.pull(o)
}

// client implements [Option].
func (w withPolicy) client(o *options) error {
	o.demands.policies = append(o.demands.policies, w.policy)
	return w.withVerifier.client(o)
}

// PolicyID implements [PolicyVerifier].
func (p *Policy) PolicyID() string {
	if p == nil {
		return ""
	}
	return p.id
}

// Verify implements [Verifier], by the rule for where the artifact was asked for.
func (p *Policy) Verify(ctx context.Context, s *Subject) error {
	if s == nil {
		return errors.New("no artifact was given")
	}
	r, ok := p.ruleFor(placeOf(s.Location))
	switch {
	case !ok:
		return errors.New("the policy has no rule for it")
	case r.verifier == nil:
		return nil
	}
	return r.verifier.Verify(ctx, s)
}

// MaxAge returns how old a snapshot from a location may be, or 0 if the policy does not say.
func (p *Policy) MaxAge(l Location) time.Duration {
	return p.maxAge(placeOf(l))
}

func (p *Policy) maxAge(place string) time.Duration {
	r, _ := p.ruleFor(place)
	return r.maxAge
}

// ruleFor returns the rule for what [placeOf] returns: the one for the longest part of it.
func (p *Policy) ruleFor(place string) (rule, bool) {
	if p == nil {
		return rule{}, false
	}
	for where := place; where != ""; {
		if r, ok := p.rules[where]; ok {
			return r, true
		}
		slash := strings.LastIndex(where, "/")
		where = where[:max(slash, 0)]
	}
	r, ok := p.rules[anywhere]
	return r, ok
}

// placeOf returns what rules are compared with: a repository with its registry spelt in one way, or
// the scheme of a location that is no registry. It is empty for what has no location.
func placeOf(l Location) string {
	repo, ok := l.Repository()
	if !ok {
		return l.scheme
	}
	return canonicalPlace(repo.RegistryStr(), repo.RepositoryStr())
}

// canonicalPlace spells a registry in one way, whatever port it has by default: a rule must not be
// passed by because of that.
func canonicalPlace(host, path string) string {
	host = strings.TrimSuffix(registry.CanonicalHost(host), ":80")
	if path == "" {
		return host
	}
	return host + "/" + path
}

// parsePlaces reads what a rule is for. At Docker Hub, docker.io/org is the repository library/org,
// but also what is above docker.io/org/lei-cache.
func parsePlaces(s string) ([]string, error) {
	switch s {
	case anywhere, schemeLayout, schemeArchive:
		return []string{s}, nil
	case "":
		return nil, errors.New("empty; want a registry or a repository")
	}
	first, _, _ := strings.Cut(s, "/")
	for _, scheme := range []string{schemeLayout, schemeArchive} {
		if strings.EqualFold(first+":", scheme) { // a registry of that name is not what is meant
			return nil, fmt.Errorf("want %s, which stands for all of them", scheme)
		}
	}
	if repo, err := ParseRepository(s); err == nil {
		host, path := repo.RegistryStr(), repo.RepositoryStr()
		places := []string{canonicalPlace(host, path)}
		if org, ok := strings.CutPrefix(path, "library/"); ok && !strings.HasSuffix(s, "/"+path) {
			places = append(places, canonicalPlace(host, org))
		}
		return places, nil
	}
	repo, err := ParseRepository(s + "/any")
	if err != nil || strings.Contains(s, "/") {
		return nil, fmt.Errorf("want registry, registry/repository, %s, %s or %s", schemeLayout, schemeArchive, anywhere)
	}
	return []string{canonicalPlace(repo.RegistryStr(), "")}, nil
}
