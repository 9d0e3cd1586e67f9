package ocilayout_test

import (
	"context"
	"fmt"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func TestAnIndexOfWhichAPartIsMissingIsNotReadAgainAndAgain(t *testing.T) {
	b := blobs{}
	subject := b.image(t, "subject")
	late := b.referrer(t, "late", subject)
	raw := b[late.Descriptor.Digest]
	entries := []string{entryOf(subject), entryOf(late)}
	for i := range 100 {
		entries = append(entries, entryOf(b.image(t, fmt.Sprint(i))))
	}
	delete(b, late.Descriptor.Digest)
	reads := 0
	read := func(ctx context.Context, d v1.Descriptor) ([]byte, error) {
		reads++
		return b.read(ctx, d)
	}
	x := parse(t, indexOf(entries...))
	for range 100 {
		if list, err := x.Referrers(t.Context(), subject.Descriptor.Digest, read); err != nil || len(list) != 0 {
			t.Fatalf("%v, %v", list, err)
		}
	}
	if reads > 300 {
		t.Errorf("%d reads of 102 manifests", reads)
	}
	b[late.Descriptor.Digest] = raw
	if list, err := x.Referrers(t.Context(), subject.Descriptor.Digest, read); err != nil || len(list) != 1 {
		t.Errorf("after it has come: %v, %v", list, err)
	}
}
