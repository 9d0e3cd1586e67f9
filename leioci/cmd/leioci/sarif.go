package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// mostSARIFResults is how many results GitHub's code scanning shows. It refuses a file with more than
// five times as many.
const mostSARIFResults = 5000

// sarifKinds are the kinds of verdicts that may fail, each of them a rule.
func sarifKinds() []sarifRule {
	rule := func(kind, name, level, severity, short, help string) sarifRule {
		return sarifRule{
			ID: kind, Name: name, Short: sarifText{short}, Full: sarifText{short + ", by the reports on it in the LEI snapshot."},
			Help: sarifText{help}, Configuration: sarifConfig{level}, Properties: sarifRuleExtras{[]string{"security", "supply-chain"}, severity},
		}
	}
	const replace = "Read LEI's report on the repository, and consider another dependency."
	const analyse = "Have LEI analyse the repository, or accept it with --unknown ignore."
	return []sarifRule{
		rule(kindCritical, "CriticalRisk", "error", "9.5", "The risk of a repository is critical", replace),
		rule(kindHigh, "HighRisk", "error", "8.0", "The risk of a repository is high", replace),
		rule(kindMedium, "MediumRisk", "warning", "5.5", "The risk of a repository is medium", replace),
		rule(kindUndetermined, "UndeterminedRisk", "warning", "", "The risk of a repository is undetermined",
			"Find out why LEI could not analyse the repository, or accept it with --undetermined ignore."),
		rule(kindUnknown, "UnknownRepository", "warning", "", "A repository is unknown", analyse),
		rule(kindNoRepository, "NoRepository", "note", "", "A component names no repository",
			"Make the SBOM with vcs references, or accept it with --unknown ignore."),
	}
}

// sarif returns what fails in SARIF 2.1.0, the worst first.
func (c *checked) sarif() sarifLog {
	rules := sarifKinds()
	run := sarifRun{
		Tool:        sarifTool{sarifDriver{"leioci", version(), "https://github.com/lowendinsight/lei-go", rules}},
		Invocations: []sarifInvocation{{Successful: true}},
		Results:     []sarifResult{},
	}
	left := 0
	for _, v := range c.verdicts {
		switch {
		case !v.fails:
		case len(run.Results) == mostSARIFResults:
			left++
		default:
			n := slices.IndexFunc(rules, func(r sarifRule) bool { return r.ID == v.kind })
			run.Results = append(run.Results, v.sarif(n, rules[n].Configuration.Level))
		}
	}
	if left > 0 {
		run.Invocations[0].Notifications = []sarifNotification{{"warning", sarifText{fmt.Sprintf("%d more that fail were left out.", left)}}}
	}
	return sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}}
}

func (v verdict) sarif(rule int, level string) sarifResult {
	// An alert stays the same one wherever in the file the repository is named.
	hash := sha256.Sum256([]byte(v.kind + "\n" + v.canonical + "\n" + v.name))
	if v.canonical != "" {
		hash = sha256.Sum256([]byte(v.kind + "\n" + v.canonical))
	}
	return sarifResult{
		RuleID: v.kind, RuleIndex: rule, Level: level,
		Message:      sarifText{literal(visible(v.name) + ": " + v.reason())},
		Locations:    []sarifLocation{{sarifPhysical{sarifArtifact{v.uri()}, sarifRegion{max(v.line, 1)}}}},
		Fingerprints: map[string]string{"primaryLocationLineHash": hex.EncodeToString(hash[:8]) + ":1"},
	}
}

// literal escapes what would make a link in a message (SARIF 2.1.0, 3.11.6).
func literal(message string) string {
	return strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`).Replace(message)
}

// uri returns where a subject was named. GitHub wants a file for each result.
func (v verdict) uri() string {
	switch {
	case v.file == "":
		return "command-line"
	case v.file == "-":
		return "standard-input"
	case filepath.IsAbs(v.file):
		return (&url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(v.file), "/")}).String()
	}
	return (&url.URL{Path: filepath.ToSlash(filepath.Clean(v.file))}).String()
}
