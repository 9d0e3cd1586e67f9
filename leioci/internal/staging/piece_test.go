package staging

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// besideOf opens a piece and appends to it.
func besideOf(t *testing.T, p *Partial, offset int64, data string) Piece {
	t.Helper()
	piece, err := p.Beside(offset)
	must(t, err)
	_, err = io.WriteString(piece, data)
	must(t, err)
	return piece
}

func TestAPieceIsThereForTheNextDownloadUntilItIsRemoved(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	d := newDir(t, target)
	p := openPartialOf(t, d, "sha256-00")
	must(t, appends("begin")(p))
	late, early, empty := besideOf(t, p, 100, "late"), besideOf(t, p, 20, "ear"), besideOf(t, p, 50, "")
	must(t, errors.Join(late.Close(), early.Close(), empty.Close(), p.Close()))
	discard(t, d)

	d = newDir(t, target)
	must(t, d.KeepPartials("sha256-00"))
	p = openPartialOf(t, d, "sha256-00")
	if got := p.Pieces(); !slices.Equal(got, []int64{20, 100}) {
		t.Fatalf("there are pieces at %v", got)
	}
	early = besideOf(t, p, 20, "ly")
	got := make([]byte, 5)
	if n, err := early.ReadAt(got, 0); n != 5 || string(got) != "early" || early.Size() != 3 {
		t.Errorf("read %q, %v; it had %d bytes", got[:n], err, early.Size())
	}
	must(t, errors.Join(early.Remove(), early.Close()))
	if got := p.Pieces(); !slices.Equal(got, []int64{100}) {
		t.Errorf("there are pieces at %v", got)
	}
	must(t, p.Reset())
	if got := p.Pieces(); len(got) > 0 {
		t.Errorf("after Reset there are pieces at %v", got)
	}
	must(t, p.Close())
	discard(t, d)
	if left := beside(t, target); left != nil {
		t.Errorf("beside the target are %q", left)
	}
}

func TestPiecesAreLeftoversLikePartialFiles(t *testing.T) {
	for name, tc := range map[string]struct {
		do    func(target string, d *Dir) error
		stays bool
	}{
		"another download":       {func(_ string, d *Dir) error { return d.KeepPartials("sha256-11") }, false},
		"their own download":     {func(_ string, d *Dir) error { return d.KeepPartials("sha256-00") }, true},
		"one with a longer name": {func(_ string, d *Dir) error { return d.KeepPartials("sha256-0") }, false},
		"a commit":               {func(_ string, d *Dir) error { return commitOf(t, d) }, false},
		"a look at the target": {func(target string, d *Dir) error {
			return errors.Join(d.Discard(), Tidy(target, threeFiles, silent()))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "parent", "target")
			n := namesOf(target)
			content{n.partial + "sha256-00-from-10": "half"}.write(t, filepath.Dir(target))
			d := newDir(t, target)
			must(t, tc.do(target, d))
			discard(t, d)
			if left := beside(t, target); (left != nil) != tc.stays {
				t.Errorf("beside the target are %q", left)
			}
		})
	}
}

func commitOf(t *testing.T, d *Dir) error {
	t.Helper()
	return errors.Join(create(d, "a", "new"), create(d, "b", "new"), d.Commit(t.Context(), func() error { return nil }))
}

func TestAFileWithAnotherNameIsNoPiece(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	n := namesOf(target)
	for _, suffix := range []string{"", "-", "-from-", "-from-0", "-from-01", "-from--1", "-from-1x", "-from-99999999999999999999", "0-from-1", "-from-+1"} {
		content{n.partial + "sha256-00" + suffix: "x"}.write(t, filepath.Dir(target))
	}
	d := newDir(t, target)
	p := openPartialOf(t, d, "sha256-00")
	if got := p.Pieces(); len(got) > 0 {
		t.Errorf("there are pieces at %v", got)
	}
	must(t, p.Close())
	discard(t, d)
}

func TestAPieceInUseIsLeftAlone(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	first, second := newDir(t, target), newUnlockedDir(t, target)
	p := openPartialOf(t, first, "sha256-00")
	must(t, appends("begin")(p))
	piece := besideOf(t, p, 5, "mine")
	q := openPartialOf(t, second, "sha256-00")
	other := besideOf(t, q, 5, "other")
	must(t, errors.Join(second.KeepPartials(), q.Reset()))
	got := make([]byte, 4)
	if n, err := piece.ReadAt(got, 0); string(got) != "mine" || len(q.Pieces()) > 0 || !slices.Equal(p.Pieces(), []int64{5}) {
		t.Errorf("read %q, %v", got[:n], err)
	}
	must(t, errors.Join(other.Close(), q.Close(), piece.Close(), p.Close()))
	discard(t, second)
	discard(t, first)
	if left := beside(t, target); len(left) != 2 {
		t.Errorf("beside the target are %q", left)
	}
}

func TestAPieceWithoutLocksIsPrivate(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	d, err := newOn(t.Context(), lockless{}, target, threeFiles, silent())
	must(t, err)
	p := openPartialOf(t, d, "sha256-00")
	piece := besideOf(t, p, 5, "mine")
	if left := beside(t, target); len(left) != 1 || len(p.Pieces()) > 0 {
		t.Errorf("beside the target are %q", left)
	}
	must(t, errors.Join(piece.Close(), p.Close()))
	discard(t, d)
	if left := beside(t, target); left != nil {
		t.Errorf("beside the target are %q", left)
	}
}

func TestAForeignFileIsNotUsedAsAPiece(t *testing.T) {
	if closeFirst {
		return // Windows does not say how many names a file has
	}
	target := filepath.Join(t.TempDir(), "parent", "target")
	content{"mine": "mine"}.write(t, filepath.Dir(target))
	mine := filepath.Join(filepath.Dir(target), "mine")
	d := newDir(t, target)
	p := openPartialOf(t, d, "sha256-00")
	must(t, appends("begin")(p))
	for i, link := range []func(string, string) error{os.Link, os.Symlink} {
		offset := int64(10 + i)
		must(t, link(mine, p.path+fmt.Sprintf("-from-%d", offset)))
		piece := besideOf(t, p, offset, "new")
		if piece.Size() != 0 {
			t.Errorf("it had %d bytes", piece.Size())
		}
		must(t, piece.Remove())
	}
	must(t, errors.Join(p.Reset(), p.Close()))
	discard(t, d)
	if data, err := os.ReadFile(mine); err != nil || string(data) != "mine" {
		t.Errorf("the file says %q, %v", data, err)
	}
}
