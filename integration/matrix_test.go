package integration

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
)

func TestOtherClientsPullWhatIsPushedAndPushWhatIsPulled(t *testing.T) {
	m := matrix{}
	eachServer(t, func(t *testing.T, r *registry) {
		for _, name := range toolNames() {
			t.Run(name+" pulls", func(t *testing.T) {
				m.record(t, r, name, pulls)
				testToolPulls(t, r, newTool(t, r, name))
			})
		}
		for _, p := range toolPushes() {
			t.Run(p.tool+" pushes "+p.how, func(t *testing.T) {
				m.record(t, r, p.tool, pushes)
				testToolPushes(t, r, newTool(t, r, p.tool), p)
			})
		}
	})
	report(t, m.String())
}

func testToolPulls(t *testing.T, r *registry, tl *tool) {
	ctx, repo := t.Context(), r.repository(t)
	img, err := leioci.Package(ctx, sampleDir)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := r.client(t).PushSnapshot(ctx, repo, []string{"2026-02-08"}, img)
	if err != nil {
		t.Fatal(err)
	}
	if err := tl.pull(ctx, t, repo.Tag("2026-02-08"), sampleDir, digest); err != nil {
		t.Error(err)
	}
}

func testToolPushes(t *testing.T, r *registry, tl *tool, p toolPush) {
	ctx, ref, out := t.Context(), r.repository(t).Tag("theirs"), filepath.Join(t.TempDir(), "out")
	digest, err := p.push(ctx, t, tl, ref)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.client(t).PullSnapshot(ctx, ref, out)
	if err != nil {
		t.Fatal(err)
	}
	if res.Ref.DigestStr() != digest {
		t.Errorf("pulled %s, %s says it pushed %q", res.Ref, tl.name, digest)
	}
	assertSameFiles(t, sampleDir, out, "manifest.json", "cache.jsonl.gz")
	if got := "sha256:" + sha256Hex(readFile(t, out, "oci-manifest.json")); got != digest {
		t.Errorf("the manifest on disk has digest %s", got)
	}

	img, err := r.client(t).Image(ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	onward, err := r.client(t).PushSnapshot(ctx, r.repository(t), []string{"2026-02-08"}, img)
	if err != nil || onward.DigestStr() != digest {
		t.Errorf("pushed on as %s, %v, want %s", onward, err, digest)
	}
}

// The directions of the matrix, from the point of view of the other client.
const (
	pulls  = "pulls"
	pushes = "pushes"
)

// matrix counts, for each client, server and direction, the ways to transfer a snapshot and how
// many of them work.
type matrix map[cell]*score

type cell struct{ server, tool, direction string }

type score struct{ passed, failed, skipped int }

// record adds the outcome of a test when it ends.
func (m matrix) record(t *testing.T, r *registry, tool, direction string) {
	c := cell{r.name, tool, direction}
	if m[c] == nil {
		m[c] = &score{}
	}
	m[c].record(t)
}

func (s *score) record(t *testing.T) {
	t.Cleanup(func() {
		switch {
		case t.Failed():
			s.failed++
		case t.Skipped():
			s.skipped++
		default:
			s.passed++
		}
	})
}

// String returns a Markdown table with a row for each server.
func (m matrix) String() string {
	var b strings.Builder
	b.WriteString("| server |")
	for _, tool := range toolNames() {
		fmt.Fprintf(&b, " %[1]s pulls | %[1]s pushes |", tool)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", 2*len(toolNames())) + "\n")
	for _, s := range servers() {
		fmt.Fprintf(&b, "| %s |", s.name)
		for _, tool := range toolNames() {
			for _, direction := range []string{pulls, pushes} {
				fmt.Fprintf(&b, " %s |", m[cell{s.name, tool, direction}])
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// String returns how many of the ways work.
func (s *score) String() string {
	switch {
	case s == nil || s.passed+s.failed == 0:
		return "not run"
	case s.failed == 0:
		return fmt.Sprintf("ok %d/%d", s.passed, s.passed)
	default:
		return fmt.Sprintf("FAILED %d/%d", s.failed, s.passed+s.failed)
	}
}
