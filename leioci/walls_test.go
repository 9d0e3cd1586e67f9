package leioci_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// walls lists, for each package, the packages of this module that it may import. What is said to a
// registry, what is done to a directory, and what is in a snapshot do not know each other.
var walls = map[string][]string{
	"leioci": {
		"internal/artifact", "internal/credential", "internal/errdef", "internal/jsonstream", "internal/manifest",
		"internal/ociarchive", "internal/ocilayout", "internal/progress", "internal/pulled", "internal/registry",
		"internal/regular", "internal/serve", "internal/signature", "internal/store", "internal/target",
		"internal/verify", "snapshot",
	},
	"leioci/cmd/leioci": {
		"", "internal/artifact", "internal/credential", "internal/errdef", "internal/jsonstream", "internal/manifest",
		"internal/regular", "snapshot",
	},
	"leioci/leiocitest": {},
	"leioci/snapshot":   {"internal/errdef", "internal/jsonstream", "internal/regular"},

	"leioci/internal/registry": {
		"internal/credential", "internal/errdef", "internal/guard", "internal/jsonstream", "internal/lazyregexp",
		"internal/limit", "internal/manifest", "internal/resume", "internal/retry", "internal/stall", "internal/store",
		"internal/verify", "internal/wirelog",
	},
	"leioci/internal/target": {
		"internal/artifact", "internal/errdef", "internal/manifest", "internal/progress", "internal/regular",
		"internal/staging", "internal/verify", "snapshot",
	},
	"leioci/internal/artifact": {"internal/errdef", "snapshot"},

	"leioci/internal/credential": {"internal/errdef", "internal/lazyregexp", "internal/regular"},
	"leioci/internal/errdef":     {},
	"leioci/internal/guard":      {"internal/errdef"},
	"leioci/internal/jsonstream": {},
	"leioci/internal/lazyregexp": {},
	"leioci/internal/limit":      {"internal/errdef", "internal/lazyregexp"},
	"leioci/internal/manifest":   {"internal/errdef", "internal/jsonstream"},
	"leioci/internal/progress":   {},
	"leioci/internal/ociarchive": {
		"internal/errdef", "internal/manifest", "internal/ocilayout", "internal/regular", "internal/staging",
		"internal/store", "internal/verify",
	},
	"leioci/internal/ocilayout": {
		"internal/errdef", "internal/manifest", "internal/regular", "internal/staging", "internal/store",
		"internal/verify",
	},
	"leioci/internal/pulled": {
		"internal/artifact", "internal/errdef", "internal/manifest", "internal/regular", "internal/store",
		"internal/verify", "snapshot",
	},
	"leioci/internal/regular":   {},
	"leioci/internal/resume":    {"internal/errdef", "internal/retry", "internal/verify"},
	"leioci/internal/retry":     {"internal/errdef"},
	"leioci/internal/serve":     {"internal/errdef", "internal/lazyregexp", "internal/store"},
	"leioci/internal/staging":   {"internal/errdef", "internal/regular", "internal/verify"},
	"leioci/internal/signature": {},
	"leioci/internal/stall":     {"internal/errdef"},
	"leioci/internal/store":     {},
	"leioci/internal/testenv":   {},
	"leioci/internal/verify":    {"internal/errdef"},
	"leioci/internal/wirelog":   {"internal/retry"},
}

func TestEveryPackageKeepsToItsWalls(t *testing.T) {
	const module = "github.com/lowendinsight/lei-go/"
	list := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "./...")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, err.(*exec.ExitError).Stderr)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		imports := strings.Fields(strings.ReplaceAll(line, module, ""))
		pkg := imports[0]
		allowed, known := walls[pkg]
		if !known {
			t.Errorf("%s has no walls: add it here", pkg)
		}
		seen++
		for _, i := range imports[1:] {
			if i != "leioci" && !strings.HasPrefix(i, "leioci/") {
				continue // another module's
			}
			if !slices.Contains(allowed, strings.TrimPrefix(strings.TrimPrefix(i, "leioci"), "/")) {
				t.Errorf("%s imports %s", pkg, i)
			}
		}
	}
	if seen != len(walls) {
		t.Errorf("%d packages are there, the walls are for %d", seen, len(walls))
	}
}
