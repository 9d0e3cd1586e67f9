package target_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/target"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestARefusedSnapshotCostsItsManifestOnce(t *testing.T) {
	older := publicationOf(t, leiocitest.WriteSnapshot(t, aMonday, `{"data":{"repo":"older"}}`))
	page := publicationWith(t, []byte("<html>not found</html>"), []byte("x"))
	for name, tc := range map[string]struct {
		p      *publication
		policy target.Policy
		want   error
	}{
		"an older one":         {older, target.Policy{}, errdef.ErrOlder},
		"a stale one":          {older, target.Policy{AllowOlder: true, MaxAge: time.Hour}, errdef.ErrStale},
		"one that is no LEI's": {page, target.Policy{AllowOlder: true}, errdef.ErrNotSnapshot},
	} {
		t.Run(name, func(t *testing.T) {
			c, p := newConsumer(t), publicationWith(t, tc.p.blobs[tc.p.m.Layers[1].Digest], tc.p.blobs[tc.p.m.Layers[0].Digest])
			c.mustPull(t, publicationOf(t, leiocitest.WriteSnapshot(t, aMonday.AddDate(0, 0, 1))), target.Policy{})
			before := readPath(t, filepath.Join(c.dir, snapshot.ManifestFile))
			for range 33 {
				if _, err := c.pull(t, p, tc.policy); !errors.Is(err, tc.want) {
					t.Fatalf("got %v, want %v", err, tc.want)
				}
			}
			if n := p.fetched.Load(); n != 1 {
				t.Errorf("%d blobs were fetched", n)
			}
			if !bytes.Equal(before, readPath(t, filepath.Join(c.dir, snapshot.ManifestFile))) {
				t.Error("the directory was changed")
			}
		})
	}
}

// What is remembered is the date, not the verdict.
func TestARefusalIsJudgedAgainEachTime(t *testing.T) {
	c := newConsumer(t)
	p := publicationOf(t, leiocitest.WriteSnapshot(t, aMonday))
	c.mustPull(t, publicationOf(t, leiocitest.WriteSnapshot(t, aMonday.AddDate(0, 0, 1))), target.Policy{})
	if _, err := c.pull(t, p, target.Policy{}); !errors.Is(err, errdef.ErrOlder) {
		t.Fatalf("got %v", err)
	}
	if err := os.RemoveAll(c.dir); err != nil {
		t.Fatal(err)
	}
	c.mustPull(t, p, target.Policy{})
}

func TestAManifestOverTheLimitIsRefusedBeforeItIsFetched(t *testing.T) {
	p := publicationOf(t, leiocitest.WriteSnapshot(t, aMonday))
	p.m.Layers[1].Size = snapshot.MaxManifestBytes + 1
	if _, err := newConsumer(t).pull(t, p, target.Policy{}); !errors.Is(err, errdef.ErrTooLarge) || p.fetched.Load() > 0 {
		t.Errorf("%d blobs were fetched, %v", p.fetched.Load(), err)
	}
}

func TestASnapshotOfTheFutureIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2030, 5, 5, 23, 59, 0, 0, time.UTC)))
		for date, future := range map[string]bool{"2030-05-05": false, "2030-05-06": false, "2030-05-07": true, "2206-01-01": true} {
			c := newConsumer(t)
			parsed, err := time.Parse(time.DateOnly, date)
			if err != nil {
				t.Fatal(err)
			}
			p := publicationOf(t, leiocitest.WriteSnapshot(t, parsed))
			for _, policy := range []target.Policy{{}, {MaxAge: time.Hour * 48}, {AllowOlder: true, VerifyReports: true}} {
				_, err := c.pull(t, p, policy)
				if errors.Is(err, errdef.ErrFuture) != future {
					t.Errorf("%s: got %v", date, err)
				}
			}
			if n := p.fetched.Load(); future && n != 1 {
				t.Errorf("%d blobs were fetched", n)
			}
			c.mustPull(t, p, target.Policy{AllowFuture: true})
			if _, err := c.pull(t, p, target.Policy{}); errors.Is(err, errdef.ErrFuture) != future {
				t.Errorf("%s, held: got %v", date, err)
			}
			// It does not pin the directory.
			_, err = c.pull(t, publicationOf(t, leiocitest.WriteSnapshot(t, aMonday)), target.Policy{})
			if errors.Is(err, errdef.ErrOlder) == future {
				t.Errorf("%s, then an older one: got %v", date, err)
			}
		}
	})
}

func TestAClockThatIsFarBehindRefusesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // whose clock is in the year 2000
		newConsumer(t).mustPull(t, publicationOf(t, leiocitest.WriteSnapshot(t, aMonday)), target.Policy{})
	})
}
