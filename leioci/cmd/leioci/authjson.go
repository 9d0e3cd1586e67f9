package main

import "github.com/lowendinsight/lei-go/leioci/internal/credential"

// An authDocument is what auth explain prints as JSON.
type authDocument struct {
	FormatVersion int         `json:"format_version"`
	Repository    string      `json:"repository"`
	Used          string      `json:"used"` // the place, or empty if access is anonymous
	Places        []placeJSON `json:"places"`
}

// A placeJSON is a place that is searched.
type placeJSON struct {
	Place  string `json:"place"`
	File   string `json:"file,omitempty"`
	State  string `json:"state"`            // found, no_match, absent, unreachable or error
	Detail string `json:"detail,omitempty"` // the matching entry, or what failed
	Used   bool   `json:"used"`
}

// newAuthDocument describes what was found for a repository. A token comes before all places.
func newAuthDocument(repository string, token bool, findings []credential.Finding) authDocument {
	first := placeJSON{Place: tokenVariable, State: "absent"}
	d := authDocument{FormatVersion: formatVersion, Repository: repository}
	if token {
		first.State, first.Used, d.Used = "found", true, tokenVariable
	}
	d.Places = append(d.Places, first)
	for _, f := range findings {
		state, detail := stateOf(f)
		used := f.Decides && f.Err == nil && !token
		if used {
			d.Used = f.Place
		}
		d.Places = append(d.Places, placeJSON{f.Place, f.Config, state, detail, used})
	}
	return d
}

// stateOf returns what one place holds.
func stateOf(f credential.Finding) (state, detail string) {
	switch {
	case f.Err != nil:
		return "error", f.Err.Error()
	case f.Source != nil:
		return "found", f.Source.Entry()
	case f.Unreachable != nil:
		return "unreachable", f.Unreachable.Error()
	case f.Present:
		return "no_match", ""
	}
	return "absent", ""
}
