package repository

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// maxReadmeLines is how long the README may be.
const maxReadmeLines = 249

// A block is a fenced block of a paper.
type block struct{ language, text string }

// readBlocks returns the blocks of a paper.
func readBlocks(t *testing.T, paper string) []block {
	t.Helper()
	var blocks []block
	inside := false
	for line := range strings.Lines(readPaper(t, paper)) {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && inside:
			inside = false
		case isFence:
			inside = true
			blocks = append(blocks, block{language: fence})
		case inside:
			blocks[len(blocks)-1].text += line
		}
	}
	if inside {
		t.Fatalf("%s: a block has no end", paper)
	}
	return blocks
}

func readPaper(t *testing.T, paper string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, paper))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// shellLines returns the lines of a paper's blocks for a shell, without those that are comments only.
func shellLines(t *testing.T, paper string) (lines []string) {
	t.Helper()
	for _, b := range readBlocks(t, paper) {
		if b.language != "sh" {
			continue
		}
		for line := range strings.Lines(b.text) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// TestTheReadmeIsShortAndHasNoBlockThatNoTestRuns knows the languages of which other tests run every
// block.
func TestTheReadmeIsShortAndHasNoBlockThatNoTestRuns(t *testing.T) {
	for _, b := range readBlocks(t, "README.md") {
		if b.language != "sh" && b.language != "go" {
			t.Errorf("no test runs blocks of %q:\n%s", b.language, b.text)
		}
	}
	if n := strings.Count(readPaper(t, "README.md"), "\n"); n > maxReadmeLines {
		t.Errorf("the README has %d lines, more than %d", n, maxReadmeLines)
	}
}
