package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
)

// diffCounts are numbers of repositories.
type diffCounts struct {
	Worse     int64 `json:"worse"`
	Better    int64 `json:"better"`
	Changed   int64 `json:"changed"`
	Added     int64 `json:"added"`
	Removed   int64 `json:"removed"`
	Unchanged int64 `json:"unchanged"`
}

// diffHead is what diff prints as JSON before the changes.
type diffHead struct {
	FormatVersion int          `json:"format_version"`
	A             snapshotJSON `json:"a"`
	B             snapshotJSON `json:"b"`
	Counts        diffCounts   `json:"counts"`
	Changes       []diffChange `json:"changes"`
}

type diffChange struct {
	Change string `json:"change"` // worse, better, changed, added or removed
	Repo   string `json:"repo"`
	From   string `json:"from,omitempty"` // the risk in A
	To     string `json:"to,omitempty"`   // the risk in B
}

func (d *difference) writeText(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%-7s  %-12s  %-12s  REPOSITORY\n", "CHANGE", "FROM", "TO")
	err := d.each(ctx, func(t transition, repo string) error {
		_, err := fmt.Fprintf(out, "%-7s  %-12s  %-12s  %s\n", t.kind(), t.from, t.to, visible(repo))
		return err
	})
	if err != nil {
		_ = out.Flush() // err comes first
		return err
	}
	fmt.Fprintln(out, d.counts())
	return out.Flush()
}

// writeJSON prints the changes one after the other. There may be more than fit in memory.
func (d *difference) writeJSON(ctx context.Context, w io.Writer) error {
	head := diffHead{formatVersion, d.between[0].document(), d.between[1].document(), d.counts(), []diffChange{}}
	var text bytes.Buffer
	if err := writeJSON(&text, head); err != nil {
		return err
	}
	begin, ok := bytes.CutSuffix(text.Bytes(), []byte("]\n}\n"))
	if !ok {
		return fmt.Errorf("the changes do not come last in %q", text.String())
	}
	out := bufio.NewWriter(w)
	_, _ = out.Write(begin) // Flush returns the error
	separator := "\n"
	err := d.each(ctx, func(t transition, repo string) error {
		change := diffChange{Change: t.kind(), Repo: repo, From: t.from, To: t.to}
		if t.from == absent {
			change.From = ""
		}
		if t.to == absent {
			change.To = ""
		}
		var line bytes.Buffer
		e := json.NewEncoder(&line)
		e.SetEscapeHTML(false)
		if err := e.Encode(change); err != nil {
			return err
		}
		_, err := fmt.Fprintf(out, "%s    %s", separator, printable(bytes.TrimSpace(line.Bytes())))
		separator = ",\n"
		return err
	})
	if err != nil {
		_ = out.Flush() // err comes first
		return err
	}
	if separator != "\n" {
		_, _ = out.WriteString("\n  ")
	}
	_, _ = out.WriteString("]\n}\n")
	return out.Flush()
}
