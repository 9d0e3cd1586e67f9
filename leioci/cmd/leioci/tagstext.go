package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
)

// A tagsDocument is what tags prints as JSON.
type tagsDocument struct {
	FormatVersion int       `json:"format_version"`
	Repository    string    `json:"repository"`
	Total         int       `json:"total"` // the tags that are there, listed here or not
	Tags          []tagJSON `json:"tags"`
}

type tagJSON struct {
	Tag       string   `json:"tag"`
	Digest    string   `json:"digest,omitempty"`
	MediaType string   `json:"media_type,omitempty"`
	Kind      string   `json:"kind,omitempty"`    // snapshot, image, index or other
	Date      string   `json:"date,omitempty"`    // of the snapshot
	SameAs    []string `json:"same_as,omitempty"` // dates whose tags hold the same digest
	Size      int64    `json:"size"`              // of the blobs, in bytes
	Error     string   `json:"error,omitempty"`   // why what the tag holds cannot be read
}

func (l *tagList) document(at leioci.Location) tagsDocument {
	d := tagsDocument{FormatVersion: formatVersion, Repository: at.String(), Total: len(l.there), Tags: []tagJSON{}}
	for _, t := range l.tags {
		if t.gone {
			continue
		}
		listed := tagJSON{
			Tag: t.name, Digest: t.held.digest, MediaType: t.held.mediaType, Kind: t.held.kind, Date: t.held.date,
			SameAs: l.sameAs(t), Size: t.held.size,
		}
		if t.err != nil {
			listed.Error = describeError(t.err)
		}
		d.Tags = append(d.Tags, listed)
	}
	return d
}

// writeText prints the list for a person.
func (l *tagList) writeText(w io.Writer, now time.Time) error {
	if len(l.tags) == 0 {
		return nil
	}
	const padding = 2
	table := tabwriter.NewWriter(w, 0, 0, padding, ' ', 0)
	fmt.Fprintln(table, "TAG\tDIGEST\tSIZE\tHOLDS")
	for _, t := range l.tags {
		switch {
		case t.gone:
		case t.err != nil:
			fmt.Fprintf(table, "%s\t-\t-\tcannot be read: %s\n", visible(t.name), shortened(describeError(t.err)))
		default:
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", visible(t.name), t.held.digest, sizeText(t.held), l.holds(t, now))
		}
	}
	return table.Flush()
}

// holds says what a tag holds.
func (l *tagList) holds(t *listedTag, now time.Time) string {
	h := t.held
	if h.kind != kindSnapshot {
		return "not a snapshot: " + shortened(h.mediaType)
	}
	age := ""
	if date, err := time.Parse(time.DateOnly, h.date); err == nil {
		age = " (" + ageText(date, now) + ")"
	}
	same := strings.Join(l.sameAs(t), ", ")
	_, tagged := l.there[h.date]
	switch {
	case isDate(t.name) && h.date == t.name:
		return "snapshot" + age
	case h.date == "" && same == "":
		return "snapshot without a date in its manifest"
	case same != "" && !isDate(t.name):
		return "same as " + same + age
	case isDate(t.name):
		return "snapshot of another date, " + h.date + age
	case tagged:
		return "snapshot of " + h.date + age + "; the tag of that date holds another"
	}
	return "snapshot of " + h.date + age + "; there is no tag of that date"
}

// sizeText is the size of the blobs. That of an index is in the manifests that it lists.
func sizeText(s artifactSummary) string {
	if s.kind != kindSnapshot && s.kind != kindImage {
		return "-"
	}
	return bytesText(s.size)
}
