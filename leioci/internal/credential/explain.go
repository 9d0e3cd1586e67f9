package credential

import (
	"context"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Finding is what one place has for a target.
type Finding struct {
	// Place is what the place is known by: the variable that names it, or whose it is and where.
	Place string
	// Config is the path of its file. It is empty for a variable's content, and where there is nothing to look into.
	Config string
	// Present is set where the place is there, whatever it holds.
	Present bool
	// Source is that of the credentials for the target, or nil.
	Source *Source
	// Err is why it could not be told: a [*ConfigError] or a [*HelperError].
	Err error
	// Decides is set for the place whose credentials are used, or whose error is what a look-up ends with.
	Decides bool
}

// Explain looks into every place, in order, even into those after the one that decides. It runs their helpers.
func (k *Keychain) Explain(ctx context.Context, target authn.Resource) []Finding {
	env := environ(k.environ())
	decided := false
	var findings []Finding
	for _, p := range k.places(env) {
		f, present, err := k.look(ctx, env, p, scopeOf(target))
		finding := Finding{Place: p.name, Config: p.path, Present: present, Err: err}
		if f != nil {
			finding.Source = &f.source
		}
		finding.Decides = !decided && (f != nil || err != nil)
		decided = decided || finding.Decides
		findings = append(findings, finding)
	}
	return findings
}
