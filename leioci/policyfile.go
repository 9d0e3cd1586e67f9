package leioci

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/jsonstream"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

// policyFile is the JSON of a policy.
type policyFile struct {
	FormatVersion int                 `json:"format_version"`
	Repositories  map[string]ruleFile `json:"repositories"`
}

type ruleFile struct {
	Keys     []string `json:"keys"`
	Require  string   `json:"require"`
	Unsigned bool     `json:"unsigned"`
	MaxAge   string   `json:"max_age"`
}

const (
	policyVersion = 1
	maxPolicy     = 1 << 20 // bytes of a policy, or of a key
)

// ReadPolicy reads a policy from a JSON file, such as
//
//	{
//	  "format_version": 1,
//	  "repositories": {
//	    "ghcr.io/org": {"keys": ["cosign.pub", "next.pub"], "max_age": "2d"},
//	    "oci-layout:": {"keys": ["cosign.pub"]},
//	    "localhost:5000": {"unsigned": true}
//	  }
//	}
//
// A rule is for a registry or a repository and for what is below it, and the longest one that fits
// counts: "ghcr.io/org" fits ghcr.io/org/lei-cache, and not ghcr.io/organisation. "oci-layout:" and
// "oci-archive:" stand for all layouts and archives, and "*" for what no other rule fits. Without a
// rule, nothing is trusted. Where there are mirrors, the rule is that of the repository that was
// asked for. A registry is told by its name: under another name or address of the same machine, it is
// another registry, and with "unsigned" for "*", none of its artifacts needs a signature there.
//
// A rule has keys, the names of files as in [VerifyKey], relative to the directory of the policy's
// file; or "unsigned": true. With "require": "all", each key must have signed; the default is "any".
// max_age, such as 2d or 36h, is the [MaxAge] of snapshots.
//
// What is not known is an error, and so is a name that is given twice: a mistake must not trust more
// than was meant. The files are read now, and not again.
func ReadPolicy(path string) (*Policy, error) {
	p, err := readPolicy(path)
	if err != nil {
		return nil, fmt.Errorf("policy %s: %w", path, err)
	}
	return p, nil
}

func readPolicy(path string) (*Policy, error) {
	text, err := readBounded(path)
	if err != nil {
		return nil, err
	}
	f, err := parsePolicy(text)
	if err != nil {
		return nil, err
	}
	p := &Policy{rules: map[string]rule{}}
	var ids []string // of all that decisions depend on
	for name, r := range f.Repositories {
		places, err := parsePlaces(name)
		if err != nil {
			return nil, fmt.Errorf("rule %.100q: %w", name, err)
		}
		made, id, err := r.rule(filepath.Dir(path))
		if err != nil {
			return nil, fmt.Errorf("rule %.100q: %w", name, err)
		}
		for _, place := range places {
			if _, ok := p.rules[place]; ok {
				return nil, fmt.Errorf("rule %q: there is another for %s", name, place)
			}
			p.rules[place] = made
			ids = append(ids, place+" "+id)
		}
	}
	slices.Sort(ids)
	sum := sha256.Sum256([]byte(strings.Join(ids, "\n")))
	p.id = "policy:" + hex.EncodeToString(sum[:])
	return p, nil
}

// parsePolicy reads JSON in which nothing is unknown, and no name is given twice.
func parsePolicy(text []byte) (*policyFile, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if err := refuseNewer(text); err != nil {
		return nil, err
	}
	var r jsonstream.Reader
	r.ResetBytes(text)
	err := checkMembers(&r, 0)
	if err == nil {
		err = r.End()
	}
	if err != nil {
		return nil, err
	}
	var f policyFile
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	if f.FormatVersion != policyVersion {
		return nil, fmt.Errorf("format_version %d; this version of leioci reads %d", f.FormatVersion, policyVersion)
	}
	return &f, nil
}

// refuseNewer returns an error for a later version of the format, whose other members are not known.
// What else is wrong is not its concern.
func refuseNewer(text []byte) error {
	var f struct {
		FormatVersion int `json:"format_version"`
	}
	if json.Unmarshal(text, &f) == nil && f.FormatVersion > policyVersion {
		return fmt.Errorf("format_version %d is for a newer version of leioci; this one reads %d", f.FormatVersion, policyVersion)
	}
	return nil
}

// checkMembers reads a value, and returns an error if an object in it has two members of one name, or
// one of a name that is not quite a known one: encoding/json takes "Unsigned" and "un\u017figned" for
// "unsigned", too, which a reader of the file may overlook.
func checkMembers(r *jsonstream.Reader, depth int) error {
	const deepest = 4
	object, err := r.Is('{')
	if err != nil || !object || depth == deepest {
		return errors.Join(err, r.Skip())
	}
	known, seen := membersAt(depth), map[string]bool{}
	return r.Object(func(name []byte) error {
		switch {
		case seen[string(name)]:
			return fmt.Errorf("%.100q is given twice", name)
		case known != nil && !slices.Contains(known, string(name)):
			return fmt.Errorf("unknown field %.100q", name)
		}
		seen[string(name)] = true
		return checkMembers(r, depth+1)
	})
}

// membersAt returns which members an object of a policy may have, or nil where they are the names of
// rules.
func membersAt(depth int) []string {
	switch depth {
	case 0:
		return []string{"format_version", "repositories"}
	case 2:
		return []string{"keys", "require", "unsigned", "max_age"}
	}
	return nil
}

// rule makes a rule, and a text that tells it from others.
func (f ruleFile) rule(dir string) (r rule, id string, err error) {
	switch {
	case f.Unsigned && len(f.Keys) > 0:
		return r, "", errors.New("both keys and unsigned are given")
	case !f.Unsigned && len(f.Keys) == 0:
		return r, "", errors.New(`neither keys nor "unsigned": true is given`)
	case f.Require != "" && f.Require != "any" && f.Require != "all":
		return r, "", fmt.Errorf("require %.40q: want any or all", f.Require)
	}
	if f.MaxAge != "" {
		if r.maxAge, err = parseAge(f.MaxAge); err != nil {
			return r, "", fmt.Errorf("max_age %.40q: %w", f.MaxAge, err)
		}
	}
	if f.Unsigned {
		return r, "unsigned", nil
	}
	var pem [][]byte
	for _, name := range f.Keys {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		text, err := readBounded(name)
		if err != nil {
			return r, "", err
		}
		pem = append(pem, text)
	}
	v, err := newKeyVerifier(pem, f.Require == "all")
	if err != nil {
		return r, "", err
	}
	r.verifier = v
	return r, v.PolicyID(), nil
}

// parseAge parses a duration that may be in days.
func parseAge(s string) (time.Duration, error) {
	age, err := time.ParseDuration(s)
	if number, ok := strings.CutSuffix(s, "d"); ok {
		var days uint64
		days, err = strconv.ParseUint(number, 10, 16)
		age = time.Duration(days) * 24 * time.Hour
	}
	if err != nil || age <= 0 {
		return 0, errors.New("want a positive number of days or hours, such as 2d or 36h")
	}
	return age, nil
}

// readBounded reads a regular file of at most 1 MiB.
func readBounded(path string) ([]byte, error) {
	text, err := regular.Read(path, maxPolicy+1)
	if err == nil && len(text) > maxPolicy {
		err = fmt.Errorf("%w: %s has more than %d bytes", ErrTooLarge, path, maxPolicy)
	}
	return text, err
}
