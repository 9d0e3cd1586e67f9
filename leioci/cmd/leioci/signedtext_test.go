package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

func TestWhatADirectorySaysOfItsSignersMovesNoCursor(t *testing.T) {
	signed, err := filepath.Abs("../../testdata/signed")
	if err != nil {
		t.Fatal(err)
	}
	from, key, work := "oci-layout:"+filepath.Join(signed, "v3"), filepath.Join(signed, "trusted.pub"), t.TempDir()
	if status, _, stderr := leiociIn(t, work, "", "pull", from, "-o", "lei", "--key", key); status != 0 {
		t.Fatal(stderr)
	}
	file := filepath.Join(work, "lei", "oci-verified.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var verdict map[string]any
	if err := json.Unmarshal(text, &verdict); err != nil {
		t.Fatal(err)
	}
	const odd = "x\x1b[2J\u202e\nrisks  none"
	verdict["note"] = []map[string]string{{"Signer": odd, "Format": odd, "Time": "0001-01-01T00:00:00Z"}}
	if text, err = json.Marshal(verdict); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"pull", from, "-o", "lei", "--key", key}, {"verify", "lei", "--key", key}, {"verify", "lei", "--key", key, "--format", "json"},
	} {
		status, stdout, stderr := leiociIn(t, work, "", args...)
		if status != 0 || !strings.Contains(stdout+stderr, `x\x1b`) && !strings.Contains(stdout, `x\u001b`) {
			t.Errorf("%v: %d, %q, %q", args, status, stdout, stderr)
		}
		for line := range strings.Lines(stdout + stderr) {
			if strings.HasPrefix(line, "risks ") || strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%v: got %q", args, line)
			}
		}
	}
}
