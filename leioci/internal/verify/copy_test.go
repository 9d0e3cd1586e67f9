package verify_test

import (
	"bytes"
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

func TestACopyIsVouchedForAsReadsAre(t *testing.T) {
	broken := errors.New("broken")
	long := strings.Repeat("0123456789abcdef", 100_000) // several pieces
	longDigest, _, err := v1.SHA256(strings.NewReader(long))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		content io.Reader
		digest  string
		size    int64
		want    error
		written string
	}{
		"right":               {strings.NewReader("hello"), hello, 5, nil, "hello"},
		"right, size unknown": {strings.NewReader("hello"), hello, verify.SizeUnknown, nil, "hello"},
		"right, byte by byte": {iotest.OneByteReader(strings.NewReader("hello")), hello, 5, nil, "hello"},
		"right, and long":     {strings.NewReader(long), longDigest.String(), int64(len(long)), nil, long},
		"nothing":             {strings.NewReader(""), nothing, 0, nil, ""},
		"other":               {strings.NewReader("jello"), hello, 5, errdef.ErrVerification, ""},
		"other, byte by byte": {iotest.OneByteReader(strings.NewReader("jello")), hello, 5, errdef.ErrVerification, "jell"},
		"other, size unknown": {strings.NewReader("jello"), hello, verify.SizeUnknown, errdef.ErrVerification, ""},
		"short":               {strings.NewReader("hell"), hello, 5, errdef.ErrVerification, "hell"},
		"long":                {strings.NewReader("hello!"), hello, 5, errdef.ErrVerification, ""},
		"cut":                 {io.MultiReader(strings.NewReader("hel"), iotest.ErrReader(broken)), hello, 5, broken, "hel"},
	} {
		digest, err := v1.NewHash(tc.digest)
		if err != nil {
			t.Fatal(err)
		}
		r, err := verify.NewReader(tc.content, digest, tc.size, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		n, err := io.Copy(&got, r)
		if !errors.Is(err, tc.want) || got.String() != tc.written || n != int64(got.Len()) {
			t.Errorf("%s: got %d bytes, said to be %d, and %v; want %d and %v", name, got.Len(), n, err, len(tc.written), tc.want)
		}
	}
}

// writer is a function that takes what is written.
type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestACopyEndsWithItsWriter(t *testing.T) {
	full := errors.New("disk full")
	for name, tc := range map[string]struct {
		to   writer
		want error
	}{
		"an error":      {func([]byte) (int, error) { return 2, full }, full},
		"a short write": {func([]byte) (int, error) { return 2, nil }, io.ErrShortWrite},
	} {
		if n, err := verify.Copy(tc.to, strings.NewReader("hello"), 5); n != 2 || !errors.Is(err, tc.want) {
			t.Errorf("%s: got %d, %v", name, n, err)
		}
	}
}

// inMemory is content that writes itself, in one piece, and then fails.
type inMemory struct {
	io.Reader
	content string
	err     error
	refused *error
}

func (m inMemory) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, m.content)
	*m.refused = err
	return int64(n), errors.Join(err, m.err)
}

func TestAllTakesWhatIsInMemoryAsItIs(t *testing.T) {
	digest, err := v1.NewHash(hello)
	if err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancelCause(t.Context())
	broken, enough := errors.New("broken"), errors.New("enough")
	end(enough)
	for name, tc := range map[string]struct {
		ctx     context.Context
		content string
		err     error
		want    error
	}{
		"right":             {t.Context(), "hello", nil, nil},
		"other":             {t.Context(), "jello", nil, errdef.ErrVerification},
		"short":             {t.Context(), "hell", nil, errdef.ErrVerification},
		"cut":               {t.Context(), "hell", io.ErrUnexpectedEOF, errdef.ErrVerification},
		"long":              {t.Context(), "hello!", nil, errdef.ErrVerification},
		"not readable":      {t.Context(), "hel", broken, broken},
		"broken at its end": {t.Context(), "hello", broken, broken},
		"too late":          {ended, "hello", nil, enough},
	} {
		var refused error
		m := inMemory{iotest.ErrReader(errors.New("was read")), tc.content, tc.err, &refused}
		if err := verify.All(tc.ctx, m, digest, 5); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", name, err, tc.want)
		}
		if tc.want == enough && !errors.Is(refused, enough) {
			t.Errorf("%s: went on", name)
		}
	}
}
