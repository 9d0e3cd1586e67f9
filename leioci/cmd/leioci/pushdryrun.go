package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
)

// dryRunHelp explains --dry-run.
const dryRunHelp = `With --dry-run, nothing is written to any place. The snapshot is read, checked and packaged, and each
place is asked what it has. Printed is, for each repository, the digest reference, what would become
of each tag (made, moved and from what, left), and which blobs would be sent. The exit status is that of
the push, as far as reading tells: the registry is asked with the same credentials, but whether they
permit writing is known only after a write.

As JSON, these are the members format_version (1), dry_run (true) and pushes, one for each repository (ref,
tags, blobs, bytes). A tag has tag, change (make, move, leave or, if what it holds cannot be seen, unseen),
held and held_date, which are what it holds now, and error; a blob has media_type, digest, size, file, sent
and what its descriptor has of artifact_type, platform and annotations; bytes is the size of the blobs that
would be sent.`

// preview says what push would do.
func (p *pushing) preview(
	ctx context.Context, env environment, tags []string, img v1.Image, opts []leioci.PushOption,
) error {
	var failed []error // one repository says nothing about the others
	document := newDryRunDocument()
	for _, t := range p.targets {
		preview, err := p.client.PreviewPushTo(ctx, t.to, t.allTags(tags), img, opts...)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		p.network.say(env, "dry run: nothing was written to %s\n", t.to)
		if p.asJSON {
			document.Pushes = append(document.Pushes, newPushPreviewJSON(t.to, preview))
		} else if err := writePreview(env.stdout, t.to, preview); err != nil {
			return err
		}
	}
	if p.asJSON && len(document.Pushes) > 0 {
		failed = append(failed, writeJSON(env.stdout, document))
	}
	return errors.Join(failed...)
}

// writePreview prints what a push would do, for a person.
func writePreview(w io.Writer, to leioci.Location, p *leioci.PushPreview) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, to.At(p.Digest.String()))
	for _, t := range p.Tags {
		fmt.Fprintf(out, "  tag   %s\n", describeChange(t))
	}
	var n, bytes int64
	for _, b := range p.Blobs {
		what := "is there"
		if b.Sent {
			what = "would be sent"
			n, bytes = n+1, bytes+b.Descriptor.Size
		}
		fmt.Fprintf(out, "  blob  %s, %s, %s: %s\n",
			b.Descriptor.Digest, blobName(b.Descriptor), bytesText(b.Descriptor.Size), what)
	}
	fmt.Fprintf(out, "  sends %s, %s\n", count(n, "blob"), bytesText(bytes))
	return out.Flush()
}

// describeChange says what would become of a tag.
func describeChange(t leioci.TagPreview) string {
	switch t.Change {
	case leioci.TagMade:
		return t.Tag + ": would be made"
	case leioci.TagLeft:
		return t.Tag + ": holds this snapshot already"
	case leioci.TagUnseen:
		return fmt.Sprintf("%s: would be made or moved; what it holds is not known: %s", t.Tag, visible(describeError(t.Err)))
	}
	from := "what is no snapshot, or has no date"
	if !t.HeldDate.IsZero() {
		from = "the snapshot of " + t.HeldDate.Format(time.DateOnly)
	}
	return fmt.Sprintf("%s: would be moved from %s, %s", t.Tag, t.Held, from)
}

// blobName is the name of the file that a layer becomes, or else its media type.
func blobName(d v1.Descriptor) string {
	if d.MediaType == leioci.MediaTypeConfig {
		return "config"
	}
	return shortened(cmp.Or(describeLayer(d).File, string(d.MediaType)))
}
