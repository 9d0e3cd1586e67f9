package repository

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// TestTheReadmeOfTheAirGapRuns runs each line of its blocks, one after the other.
func TestTheReadmeOfTheAirGapRuns(t *testing.T) {
	s := newSite(t)
	s.publish(t, 1)
	s.carrySigned(t, "both")
	text, err := os.ReadFile("../../examples/airgap/README.md")
	if err != nil {
		t.Fatal(err)
	}
	export := leiocitest.WriteSnapshot(t, time.Now().UTC(), `{"data":{"repo":"https://github.com/org/low","risk":"low"}}`)
	bom := `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"low","purl":"pkg:github/org/low@1"}]}`
	if err := os.WriteFile(filepath.Join(s.work, "bom.json"), []byte(bom), 0o600); err != nil {
		t.Fatal(err)
	}
	signedHere := strings.NewReplacer("registry.internal/lei/cache", s.inside.Host()+"/signed/cache", "/media/stick", "both",
		"./airgap.sh", "LEI_MAX_AGE_INSIDE=10000d airgap.sh", "/etc/lei/lei.pub", signed(t, "trusted.pub"))
	here := strings.NewReplacer("ghcr.io/org/lei-cache", s.from(), "registry.internal/lei/cache", s.to(), "/media/stick", "stick",
		"./airgap.sh", "airgap.sh", "./export", export, ":5000", "127.0.0.1:0")
	lines := 0
	for i, block := range strings.Split(string(text), "```sh\n") {
		block, _, _ = strings.Cut(block, "```\n")
		for line := range strings.Lines(block) {
			switch {
			case i == 0: // the text before the first block
				continue
			case strings.HasPrefix(line, "LEI_TRUSTED_KEYS="):
				line = signedHere.Replace(line)
			case strings.HasPrefix(line, "leioci serve "):
				line = "mkfifo said; " + here.Replace(strings.TrimSpace(line)) + ` >said & read -r ref <said; leioci pull -o fromstick "$ref"; kill $!; wait $!`
			default:
				line = here.Replace(line)
			}
			lines++
			s.must(t, line)
		}
	}
	if lines != 8 {
		t.Errorf("%d lines", lines)
	}
}
