package main

import (
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
)

// pushJSONHelp explains the JSON of push.
const pushJSONHelp = `As JSON, these are the members format_version (1), dry_run and pushes, an array with reference (with the
digest), repository, digest and tags for each repository that did not fail and, of a dry run, changes
(tag, change: make, move, leave or unseen, held and held_date) and blobs (digest, size, sent).`

// A pushDocument is what push prints as JSON.
type pushDocument struct {
	FormatVersion int          `json:"format_version"`
	DryRun        bool         `json:"dry_run"`
	Pushes        []pushedJSON `json:"pushes"` // those that did not fail
}

type pushedJSON struct {
	Reference  string         `json:"reference"`
	Repository string         `json:"repository"`
	Digest     string         `json:"digest"`
	Tags       []string       `json:"tags"`
	Changes    []changeJSON   `json:"changes,omitempty"` // of a dry run
	Blobs      []pushBlobJSON `json:"blobs,omitempty"`   // the same
}

// A changeJSON is what would become of a tag.
type changeJSON struct {
	Tag      string `json:"tag"`
	Change   string `json:"change"` // make, move, leave or unseen
	Held     string `json:"held,omitempty"`
	HeldDate string `json:"held_date,omitempty"`
}

type pushBlobJSON struct {
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
	Sent   bool   `json:"sent"`
}

// printPushed says that a repository has the snapshot now.
func (p *pushing) printPushed(env environment, digest name.Digest, tags []string) error {
	p.done = append(p.done, pushedJSON{
		Reference: digest.String(), Repository: digest.Context().String(), Digest: digest.DigestStr(), Tags: tags,
	})
	if p.asJSON {
		return nil // all of them are one document
	}
	if _, err := fmt.Fprintln(env.stdout, digest); err != nil {
		return fmt.Errorf("pushed %s, but cannot write that to standard output: %w", digest, err)
	}
	return nil
}

// printPreview says what a push would do to a repository.
func (p *pushing) printPreview(env environment, preview *leioci.PushPreview) error {
	if !p.asJSON {
		return writePreview(env.stdout, preview)
	}
	push := pushedJSON{
		Reference: preview.Digest.String(), Repository: preview.Digest.Context().String(), Digest: preview.Digest.DigestStr(),
	}
	for _, t := range preview.Tags {
		change := changeJSON{Tag: t.Tag, Change: string(t.Change)}
		if t.Held != (v1.Hash{}) {
			change.Held = t.Held.String()
		}
		if !t.HeldDate.IsZero() {
			change.HeldDate = t.HeldDate.Format(time.DateOnly)
		}
		push.Tags, push.Changes = append(push.Tags, t.Tag), append(push.Changes, change)
	}
	for _, b := range preview.Blobs {
		push.Blobs = append(push.Blobs, pushBlobJSON{b.Descriptor.Digest.String(), b.Descriptor.Size, b.Sent})
	}
	p.done = append(p.done, push)
	return nil
}

// printDocument prints all pushes as JSON, if that is wanted and there are any.
func (p *pushing) printDocument(env environment, dryRun bool) error {
	if !p.asJSON || len(p.done) == 0 {
		return nil
	}
	return writeJSON(env.stdout, pushDocument{formatVersion, dryRun, p.done})
}
