package repository

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// bomOfLow lists the repository of the test's snapshots.
const bomOfLow = `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"low","purl":"pkg:github/org/low@1"}]}`

// TestTheReadmeOfTheAirGapRuns runs each line of its blocks, one after the other.
func TestTheReadmeOfTheAirGapRuns(t *testing.T) {
	s := newSite(t)
	s.publish(t, 1)
	s.carrySigned(t, "both")
	export := leiocitest.WriteSnapshot(t, time.Now().UTC(), `{"data":{"repo":"https://github.com/org/low","risk":"low"}}`)
	if err := os.WriteFile(filepath.Join(s.work, "bom.json"), []byte(bomOfLow), 0o600); err != nil {
		t.Fatal(err)
	}
	signedHere := strings.NewReplacer("registry.internal/lei/cache", s.inside.Host()+"/signed/cache", "/media/stick", "both",
		"./airgap.sh", "LEI_MAX_AGE_INSIDE=10000d airgap.sh", "/etc/lei/lei.pub", signed(t, "trusted.pub"))
	here := strings.NewReplacer("ghcr.io/org/lei-cache", s.from(), "registry.internal/lei/cache", s.to(), "/media/stick", "stick",
		"./airgap.sh", "airgap.sh", "./export", export)
	lines := 0
	for _, line := range shellLines(t, "examples/airgap/README.md") {
		lines++
		switch {
		case strings.HasPrefix(line, "LEI_TRUSTED_KEYS="):
			s.must(t, signedHere.Replace(line))
		case strings.HasPrefix(line, "leioci serve "):
			s.mustServe(t, here.Replace(line))
		default:
			s.must(t, here.Replace(line))
		}
	}
	if lines != 7 {
		t.Errorf("%d lines", lines)
	}
}
