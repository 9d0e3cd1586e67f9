package credential

import (
	"context"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Finding describes what one place has for a target.
type Finding struct {
	// Place is the place's name: the variable that names it, or the tool that uses it and where it
	// is.
	Place string
	// Config is the path of its file. It is empty for a variable's content, and if there is no file
	// to read.
	Config string
	// Present says that the place exists, whatever it contains.
	Present bool
	// Unreachable is why a file that nobody named cannot be reached, for example because the home
	// directory is another user's. It is passed over as if it were absent.
	Unreachable error
	// Source is the source of the credentials for the target, or nil if there are none.
	Source *Source
	// Err is why the lookup in this place failed: a [*ConfigError] or a [*HelperError].
	Err error
	// Decides says that a lookup ends here, with this place's credentials or error.
	Decides bool
}

// Explain looks up target in every place, in order, including those after the one that decides. It
// runs their helpers.
func (k *Keychain) Explain(ctx context.Context, target authn.Resource) []Finding {
	env := environ(k.environ())
	decided := false
	var findings []Finding
	for _, p := range k.places(env) {
		a, finding := k.lookUp(ctx, env, p, scopeOf(target))
		finding.Decides = !decided && (a != nil || finding.Err != nil)
		decided = decided || finding.Decides
		findings = append(findings, finding)
	}
	return findings
}
