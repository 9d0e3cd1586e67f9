package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
)

// mostLines is how many of one sort are shown to a person.
const mostLines = 100

// writeText prints an inspection for a person.
func (i *inspection) writeText(w io.Writer) error {
	out := bufio.NewWriter(w)
	line := func(label, text string) { fmt.Fprintf(out, "%-*s%s\n", labelColumns, label, text) }
	line("artifact", visible(i.Source))
	if i.local {
		line("digest", i.Digest)
	}
	kind := i.Kind
	if i.NotSnapshot != "" {
		kind += "; " + shortened(i.NotSnapshot)
	}
	line("kind", kind)
	if date, err := time.Parse(time.DateOnly, i.Date); err == nil && i.AgeDays != nil {
		line("date", i.Date+", "+ageText(date, date.AddDate(0, 0, *i.AgeDays)))
	}
	line("manifest", shortened(i.MediaType)+", "+bytesText(i.Size))
	if i.ArtifactType != "" {
		line("artifact type", shortened(i.ArtifactType))
	}
	if i.Subject != nil {
		line("subject", i.Subject.text(""))
	}
	if i.Config != nil {
		line("config", i.Config.text(i.Config.MediaType))
		writeLines(out, i.Config.lines())
		line("layers", fmt.Sprintf("%d; with the config, %s", len(i.Layers), bytesText(i.BlobSize)))
		writeLines(out, texts(i.Layers, func(d descriptorJSON) string {
			if d.File != "" {
				return d.File + ": " + d.text(d.MediaType)
			}
			return d.text(d.MediaType)
		}))
	}
	if i.Kind == kindIndex {
		line("manifests", fmt.Sprint(len(i.Manifests)))
		writeLines(out, texts(i.Manifests, func(d descriptorJSON) string {
			return d.text(strings.Join(nonEmpty(d.Platform, d.MediaType), ", "))
		}))
	}
	if len(i.Annotations) > 0 {
		line("annotations", fmt.Sprint(len(i.Annotations)))
		writeLines(out, texts(slices.Sorted(maps.Keys(i.Annotations)), func(key string) string {
			return shortened(key) + ": " + shortened(i.Annotations[key])
		}))
	}
	if len(i.Tags) > 0 {
		line("tags", strings.Join(i.Tags, ", "))
	}
	if !i.local {
		line("referrers", fmt.Sprint(len(i.Referrers)))
		writeLines(out, texts(i.Referrers, func(r referrer) string {
			return r.Kind + ": " + r.text(strings.Join(nonEmpty(r.ArtifactType, r.MediaType, r.Tag), ", "))
		}))
	}
	return out.Flush()
}

// text describes a descriptor in one line. what is from outside.
func (d descriptorJSON) text(what string) string {
	text := d.Digest + ", " + bytesText(max(d.Size, 0))
	if what != "" {
		text += ", " + shortened(what)
	}
	return text
}

// lines are what the config says, where it is a flat object such as LEI's.
func (c *configJSON) lines() []string {
	if !c.kept {
		return []string{"its content is not kept in this directory"}
	}
	var members map[string]json.RawMessage
	if c.MediaType != string(artifact.MediaTypeConfig) || json.Unmarshal(c.Content, &members) != nil {
		return nil
	}
	return texts(slices.Sorted(maps.Keys(members)), func(key string) string {
		value := bytes.TrimSpace(members[key])
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		return shortened(key) + ": " + shortened(text)
	})
}

// texts describes things, at most one more than are shown.
func texts[T any](things []T, describe func(T) string) []string {
	var lines []string
	for n, thing := range things {
		if n == mostLines {
			return append(lines, fmt.Sprintf("and %d more; --format json has all", len(things)-n))
		}
		lines = append(lines, describe(thing))
	}
	return lines
}

// writeLines prints the details of what precedes them.
func writeLines(out *bufio.Writer, lines []string) {
	for _, text := range lines {
		fmt.Fprintf(out, "  %s\n", text)
	}
}

// nonEmpty leaves out what is empty.
func nonEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}
