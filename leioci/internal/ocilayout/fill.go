package ocilayout

import (
	"context"
	"errors"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// Download implements [store.Reader].
func (l *Layout) Download(ctx context.Context, d v1.Descriptor, into store.Partial) (fetched int64, err error) {
	f, err := l.openSized(d)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	fetched, err = Fill(ctx, d, f, into)
	if err != nil {
		err = l.fail(err)
	}
	return fetched, err
}

// Fill fills a partial file with the verified content of a blob that can be read from any offset,
// continuing what the file holds, and returns the number of bytes it read of the blob. If that does
// not make the blob, it begins again. What is wrong all the same is removed from the file.
func Fill(ctx context.Context, d v1.Descriptor, from io.ReaderAt, into store.Partial) (fetched int64, err error) {
	for {
		held := into.Size()
		if held > d.Size {
			if err := into.Reset(); err != nil {
				return fetched, err
			}
			held = 0
		}
		n, err := fill(ctx, d, held, from, into)
		fetched += n
		if !errors.Is(err, errdef.ErrVerification) {
			return fetched, err
		}
		if resetErr := into.Reset(); resetErr != nil || held == 0 {
			return fetched, errors.Join(err, resetErr)
		}
	}
}

// fill appends what is missing. The last bytes are appended only if all are right.
func fill(ctx context.Context, d v1.Descriptor, held int64, from io.ReaderAt, into store.Partial) (int64, error) {
	missing := &counter{r: io.NewSectionReader(from, held, d.Size-held)}
	all := io.MultiReader(io.LimitReader(into.Content(), held), missing)
	v, err := verify.NewReader(verify.Until(ctx, all), d.Digest, d.Size, d.Size)
	if err != nil {
		return 0, err
	}
	if _, err := io.CopyN(io.Discard, onlyReader{v}, held); err != nil && err != io.EOF {
		return missing.n, err
	}
	_, err = verify.Copy(into, v, d.Size-held)
	return missing.n, err
}

// onlyReader hides other methods than Read.
type onlyReader struct{ io.Reader }

// A counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
