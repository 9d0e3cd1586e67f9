package main

import (
	"fmt"
	"io"
	"maps"
	"runtime"
	"strings"
	"testing"
	"time"
)

// bom is written as the generators of CycloneDX do, in parts by each.
const bom = `{
  "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
  "metadata": {
    "tools": {"components": [{"name": "a-tool", "purl": "pkg:github/org/critical@1"}]},
    "component": {
      "name": "app",
      "externalReferences": [{"type": "vcs", "url": "git+ssh://git@github.com/org/app.git"}],
      "components": [{"name": "part", "purl": "pkg:github/org/part"}]
    }
  },
  "components": [
    {
      "type": "library", "name": "by-vcs", "purl": "pkg:github/org/ignored",
      "externalReferences": [
        {"type": "website", "url": "https://github.com/org/website"},
        {"comment": "x", "url": "https://github.com/org/high",
         "type": "vcs"},
        {"type": "vcs", "url": "https://github.com/org/medium/tree/main"}, {"type": "website", "url": "x"}
      ],
      "components": [{"name": "nested", "components": [{"purl": "pkg:gitlab/org/deep@2"}]}]
    },
    {"name": "by-purl", "purl": "pkg:bitbucket/org/repo@1?arch=x"},
    {"name": "by-vcs-url", "purl": "pkg:npm/x@1?vcs_url=git%2Bhttps://github.com/org/low"},
    {"name": "left-pad", "version": "1.3.0", "purl": "pkg:npm/left-pad@1.3.0"},
    {"name": "left-pad", "version": "1.3.0", "purl": "pkg:npm/left-pad@1.3.0"},
    {"name": "nobody", "version": "2", "externalReferences": null, "components": null},
    {"name": "empty", "externalReferences": [{"type": "vcs", "url": " "}]},
    {"name": "local", "externalReferences": [{"type": "vcs", "url": "../local"}]}
  ],
  "bomFormat": "CycloneDX"
}
`

func TestEveryComponentOfAnSBOMCounts(t *testing.T) {
	dir, work := writeGate(t, time.Now()), t.TempDir()
	write(t, work, "bom.json", bom)
	want := map[string]string{
		"git+ssh://git@github.com/org/app.git": "fail unknown", "pkg:github/org/part": "fail unknown",
		"https://github.com/org/high": "fail high", "https://github.com/org/medium/tree/main": "pass medium",
		"nested": "fail no-repository", "pkg:gitlab/org/deep@2": "fail unknown", "pkg:bitbucket/org/repo@1?arch=x": "fail unknown",
		"pkg:npm/x@1?vcs_url=git%2Bhttps://github.com/org/low": "pass low", "pkg:npm/left-pad@1.3.0": "fail no-repository",
		"nobody@2": "fail no-repository", "empty": "fail no-repository", "../local": "fail unknown",
	}
	status, stdout, stderr := leiociFed(t, work, "", "check", dir, "--sbom", "bom.json", "--format", "json")
	if got := kindsOf(t, stdout); status != 6 || !maps.Equal(got, want) {
		t.Errorf("%d, %v, %q", status, got, stderr)
	}
	for name, line := range map[string]int{"https://github.com/org/high": 16, "pkg:npm/left-pad@1.3.0": 24, "../local": 28} {
		if !strings.Contains(stdout, fmt.Sprintf("%q", name)) || !strings.Contains(stdout, fmt.Sprintf("\"line\": %d\n", line)) {
			t.Errorf("%s is not said to be in line %d", name, line)
		}
	}
	status, stdout, stderr = leiociFed(t, work, "\ufeff"+bom, "check", dir, "--sbom", "-", "--unknown", "ignore", "--fail-on", "critical")
	if status != 0 || !strings.Contains(stdout, "4 without a repository") || !strings.Contains(stderr, "5 unknown, 4 without a repository") {
		t.Errorf("%d, %q, %q", status, stdout, stderr)
	}
}

func TestAnSBOMThatCannotBeReadIsRefused(t *testing.T) {
	dir, work := writeGate(t, time.Now()), t.TempDir()
	for content, says := range map[string]string{
		"":                            "JSON",
		"[]":                          "JSON",
		`<?xml version="1.0"?><bom/>`: "this is XML",
		"\ufeff\n<bom/>":              "JSON",
		`{"spdxVersion":"SPDX-2.3"}`:  "bomFormat is",
		`{"bomFormat":"CycloneDX","components":[{"name":"a"}`:                                                                        "line 1: unexpected end",
		"{\"bomFormat\":\"CycloneDX\",\n\"components\":{}}":                                                                          "line 2: ",
		"{\"x\":\"" + strings.Repeat("x", 10_000) + "\",\n\n\"components\":{}}":                                                      "line 3: ",
		`{"bomFormat":"CycloneDX"} {}`:                                                                                               "after top-level",
		`{"bomFormat":"CycloneDX","components":["a"]}`:                                                                               "another JSON type",
		`{"bomFormat":"CycloneDX","components":[{"purl":1}]}`:                                                                        "another JSON type",
		`{"bomFormat":"CycloneDX","components":[{"purl":"\xff"}]}`:                                                                   "JSON",
		`{"bomFormat":"CycloneDX","components":[{"purl":"a","purl":"pkg:github/a/b"}]}`:                                              "purl is given twice",
		`{"bomFormat":"CycloneDX","components":[{"externalReferences":[{"url":"a","url":"b"}]}]}`:                                    "url is given twice",
		`{"bomFormat":"CycloneDX","components":[{"name":"` + strings.Repeat("x", 3000) + `"}]}`:                                      "a name of more than 2048 bytes",
		`{"bomFormat":"CycloneDX","components":[{"externalReferences":[{"type":"vcs","url":"` + strings.Repeat("x", 3000) + `"}]}]}`: "a name of more than 2048 bytes",
		`{"bomFormat":"CycloneDX",` + strings.Repeat(`"components":[{`, 2000):                                                        "nested more than",
	} {
		write(t, work, "bom.json", content)
		status, stdout, stderr := leiociFed(t, work, "", "check", dir, "--sbom", "bom.json", "--unknown", "ignore")
		if status != 2 || stdout != "" || !strings.Contains(stderr, "--sbom bom.json: not a CycloneDX SBOM") || !strings.Contains(stderr, says) {
			t.Errorf("%.60q: %d, %q, %q", content, status, stdout, stderr)
		}
	}
}

// repeated is a document of any length: begin, middle so many times, and end.
type repeated struct {
	begin, middle, end string
	times              int
	rest               string
}

func (r *repeated) Read(p []byte) (int, error) {
	for r.rest == "" {
		switch {
		case r.begin != "":
			r.rest, r.begin = r.begin, ""
		case r.times > 0:
			r.rest, r.times = r.middle, r.times-1
		case r.end != "":
			r.rest, r.end = r.end, ""
		default:
			return 0, io.EOF
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func TestAHugeSBOMTakesBoundedMemory(t *testing.T) {
	const begin = `{"bomFormat":"CycloneDX","components":[`
	for what, sbom := range map[string]*repeated{
		"files":     {begin + `{"description":"`, strings.Repeat("x", 1<<16), `"}]}`, 1000, ""},
		"licences":  {begin + `{"name":"a","licenses":[`, strings.Repeat(`{"license":{"id":"MIT"}},`, 1000), `1]}]}`, 1000, ""},
		"the same":  {begin, strings.Repeat(`{"name":"a","version":"1"},`, 1000), `{}]}`, 1000, ""},
		"long URLs": {begin + `{"externalReferences":[{"type":"other","url":"`, strings.Repeat("x", 1<<16), `"}]}]}`, 1000, ""},
	} {
		var all subjects
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := all.readSBOM(sbom, "-"); err != nil || len(all.list) > 2 {
			t.Errorf("%s: %v, %d", what, err, len(all.list))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 16<<20 {
			t.Errorf("%s: %d MB", what, grown>>20)
		}
	}
	var text strings.Builder
	for i := range 50_001 {
		fmt.Fprintf(&text, `{"name":"c%d"},`, i)
	}
	var all subjects
	if err := all.readSBOM(strings.NewReader(begin+text.String()), "-"); err == nil || !strings.Contains(err.Error(), "more than 50000") {
		t.Error(err)
	}
}
