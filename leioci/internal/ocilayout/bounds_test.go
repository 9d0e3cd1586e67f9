package ocilayout_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/ocilayout"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// large returns so many referrers of a manifest, of each of which a list has a megabyte.
func (b blobs) large(t testing.TB, n int, subject *store.Manifest) []*store.Manifest {
	t.Helper()
	all := make([]*store.Manifest, n)
	for i := range all {
		all[i] = b.referrer(t, strings.Repeat("x", 1<<20)+strings.Repeat("y", i), subject)
	}
	return all
}

func TestReferrersOfWhichTooMuchIsListedAreRefused(t *testing.T) {
	b := blobs{}
	m := b.image(t, "subject")
	for n, want := range map[int]error{15: nil, 16: errdef.ErrTooLarge} {
		var entries []string
		for _, refers := range b.large(t, n, m) {
			entries = append(entries, entryOf(refers))
		}
		list, err := parse(t, indexOf(entries...)).Referrers(t.Context(), m.Descriptor.Digest, b.read)
		if !errors.Is(err, want) || err == nil && len(list) != n {
			t.Errorf("%d MiB: %d referrers, %v", n, len(list), err)
		}
	}
}

func TestReferrersOfManySubjectsAreNotAllKept(t *testing.T) {
	b := blobs{}
	x := ocilayout.NewIndex()
	var err error
	added := 0
	for ; err == nil && added < 100; added++ {
		subject := b.image(t, strings.Repeat("s", added))
		err = x.Add(b.large(t, 1, subject)[0])
	}
	if !errors.Is(err, errdef.ErrTooLarge) || added < 60 {
		t.Errorf("after %d: %v", added, err)
	}
}
