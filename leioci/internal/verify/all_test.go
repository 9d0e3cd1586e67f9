package verify_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

func TestAllComparesContentWithItsDigestAndSize(t *testing.T) {
	broken := errors.New("broken")
	for name, tc := range map[string]struct {
		content io.Reader
		digest  string
		size    int64
		want    error
	}{
		"right":        {strings.NewReader("hello"), hello, 5, nil},
		"nothing":      {strings.NewReader(""), nothing, 0, nil},
		"other":        {strings.NewReader("jello"), hello, 5, errdef.ErrVerification},
		"short":        {strings.NewReader("hell"), hello, 5, errdef.ErrVerification},
		"long":         {strings.NewReader("hello!"), hello, 5, errdef.ErrVerification},
		"long by far":  {iotest.OneByteReader(strings.NewReader("hello, world")), hello, 5, errdef.ErrVerification},
		"not readable": {iotest.ErrReader(broken), hello, 5, broken},
	} {
		digest, err := v1.NewHash(tc.digest)
		if err != nil {
			t.Fatal(err)
		}
		if err := verify.All(t.Context(), tc.content, digest, tc.size); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", name, err, tc.want)
		}
	}
	if err := verify.All(t.Context(), strings.NewReader(""), v1.Hash{Algorithm: "md5"}, 0); err == nil {
		t.Error("md5 was accepted")
	}
}

func TestAllEndsWithItsContext(t *testing.T) {
	digest, err := v1.NewHash(hello)
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	r := endless(func() { cancel(cause) })
	if err := verify.All(ctx, r, digest, 1<<40); !errors.Is(err, cause) || errors.Is(err, errdef.ErrVerification) {
		t.Errorf("got %v", err)
	}
}

// endless is content without an end, that calls itself with each read.
type endless func()

func (e endless) Read(p []byte) (int, error) {
	e()
	return len(p), nil
}

func TestUntilReadsNothingMoreOnceItsContextHasEnded(t *testing.T) {
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	content := strings.NewReader("hello")
	r := verify.Until(ctx, content)
	if _, err := io.ReadFull(r, make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	cancel(cause)
	if n, err := r.Read(make([]byte, 2)); n != 0 || !errors.Is(err, cause) {
		t.Errorf("got %d bytes, %v", n, err)
	}
	if content.Len() != 3 {
		t.Errorf("%d bytes are left, want 3", content.Len())
	}
}

func TestUntilPassesOnTheEndAndTheErrorsOfItsContent(t *testing.T) {
	broken := errors.New("broken")
	if _, err := verify.Until(t.Context(), iotest.ErrReader(broken)).Read(make([]byte, 1)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if got, err := io.ReadAll(verify.Until(t.Context(), strings.NewReader("hello"))); err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v", got, err)
	}
}
