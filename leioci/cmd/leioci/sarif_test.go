package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWhatFailsIsInTheSARIF(t *testing.T) {
	dir, work := writeGate(t, time.Now()), t.TempDir()
	write(t, work, "our list", "https://github.com/org/low\n\nhttps://github.com/org/high\n[x](https://evil)\n")
	status, stdout, _ := leiociFed(t, work, "", "check", dir, "--repo", "https://github.com/org/undetermined",
		"--repos", "our list", "--format", "sarif")
	_, results, ok := strings.Cut(stdout, `      "results": `)
	const want = `[
        {
          "ruleId": "high",
          "ruleIndex": 1,
          "level": "error",
          "message": {
            "text": "https://github.com/org/high: the risk is high"
          },
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "our%20list"
                },
                "region": {
                  "startLine": 3
                }
              }
            }
          ],
          "partialFingerprints": {
            "primaryLocationLineHash": "HASH:1"
          }
        },
        {
          "ruleId": "undetermined",
          "ruleIndex": 3,
          "level": "warning",
          "message": {
            "text": "https://github.com/org/undetermined: LEI could not determine the risk"
          },
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "command-line"
                },
                "region": {
                  "startLine": 1
                }
              }
            }
          ],
          "partialFingerprints": {
            "primaryLocationLineHash": "HASH:1"
          }
        },
        {
          "ruleId": "unknown",
          "ruleIndex": 4,
          "level": "warning",
          "message": {
            "text": "\\[x\\](https://evil): no report in the snapshot"
          },
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "our%20list"
                },
                "region": {
                  "startLine": 4
                }
              }
            }
          ],
          "partialFingerprints": {
            "primaryLocationLineHash": "HASH:1"
          }
        }
      ]
    }
  ]
}
`
	lines := strings.SplitAfter(results, "\n")
	hashes := map[string]bool{}
	for i, line := range lines {
		if before, hash, found := strings.Cut(line, `"primaryLocationLineHash": "`); found {
			hashes[hash] = true
			lines[i] = before + `"primaryLocationLineHash": "HASH:1"` + "\n"
		}
	}
	if got := strings.Join(lines, ""); !ok || status != 6 || got != want || len(hashes) != 3 {
		t.Errorf("%d, %s", status, got)
	}
}

// sarifFile has the members that the schema and GitHub require.
type sarifFile struct {
	Schema  string `json:"$schema"`
	Version string
	Runs    []struct {
		Tool struct {
			Driver struct {
				Name  string
				Rules []struct {
					ID                                      string
					ShortDescription, FullDescription, Help struct{ Text string }
					DefaultConfiguration                    struct{ Level string }
				}
			}
		}
		Invocations []struct {
			ExecutionSuccessful        *bool
			ToolExecutionNotifications []struct{ Message struct{ Text string } }
		}
		Results []struct {
			RuleID    string
			RuleIndex *int
			Level     string
			Message   struct{ Text string }
			Locations []struct {
				PhysicalLocation struct {
					ArtifactLocation struct{ URI string }
					Region           struct{ StartLine int }
				}
			}
			PartialFingerprints map[string]string
		}
	}
}

func TestSARIFIsWhatGitHubTakes(t *testing.T) {
	dir, work := writeGate(t, time.Now()), t.TempDir()
	var list strings.Builder
	for i := range 6000 {
		fmt.Fprintf(&list, "https://github.com/org/absent-%d\n", i)
	}
	list.WriteString("https://github.com/org/critical\n")
	write(t, work, "list", list.String())
	for _, args := range [][]string{
		{"--repos", "list"},
		{"--repos", filepath.Join(work, "list")},
		{"--repo", "github.com/org/low"},
		{"--repo", "\x1b\n"},
	} {
		_, stdout, _ := leiociFed(t, work, "", append([]string{"check", dir, "--format", "sarif"}, args...)...)
		var f sarifFile
		if err := json.Unmarshal([]byte(stdout), &f); err != nil || f.Version != "2.1.0" || f.Schema == "" || len(f.Runs) != 1 || !strings.Contains(stdout, `"results": [`) {
			t.Fatalf("%v, %.1000s", err, stdout)
		}
		run := f.Runs[0]
		rules := run.Tool.Driver.Rules
		if run.Tool.Driver.Name != "leioci" || len(rules) != 6 || len(run.Invocations) != 1 || run.Invocations[0].ExecutionSuccessful == nil {
			t.Errorf("%.1000s", stdout)
		}
		for _, r := range rules {
			if r.ID == "" || r.ShortDescription.Text == "" || r.FullDescription.Text == "" || r.Help.Text == "" || r.DefaultConfiguration.Level == "" {
				t.Errorf("%+v", r)
			}
		}
		for _, r := range run.Results {
			at := r.Locations[0].PhysicalLocation
			_, err := url.Parse(at.ArtifactLocation.URI)
			if r.RuleIndex == nil || rules[*r.RuleIndex].ID != r.RuleID || r.Level == "" || r.Message.Text == "" || at.ArtifactLocation.URI == "" ||
				err != nil || at.Region.StartLine < 1 || r.PartialFingerprints["primaryLocationLineHash"] == "" {
				t.Errorf("%+v", r)
			}
		}
		if args[0] == "--repos" {
			notes := run.Invocations[0].ToolExecutionNotifications
			if len(run.Results) != 5000 || run.Results[0].RuleID != "critical" || len(notes) != 1 || !strings.Contains(notes[0].Message.Text, "1001 more") {
				t.Errorf("%d results, %v", len(run.Results), notes)
			}
		}
	}
}

func TestAnAlertStaysTheSameWhereverItsRepositoryIsNamed(t *testing.T) {
	dir, work := writeGate(t, time.Now()), t.TempDir()
	hash := func(list string) string {
		write(t, work, "list", list)
		_, stdout, _ := leiociFed(t, work, "", "check", dir, "--format", "sarif", "--repos", "list")
		_, hash, _ := strings.Cut(stdout, "primaryLocationLineHash")
		hash, _, _ = strings.Cut(hash, "}")
		return hash
	}
	first := hash("https://github.com/org/high\n")
	if again := hash("# moved\n\ngit@github.com:Org/High.git"); first == "" || again != first {
		t.Errorf("%q, %q", first, again)
	}
}
