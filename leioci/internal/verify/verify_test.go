package verify_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// The digests of "hello" and of nothing are those that sha256sum and sha512sum print.
const (
	hello       = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	helloSHA512 = "sha512:9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043"
	nothing     = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

func TestReaderVouchesForWhatItPassesOn(t *testing.T) {
	broken := errors.New("broken")
	for name, tc := range map[string]struct {
		content   io.Reader
		digest    string
		size, max int64
		want      error
	}{
		"right":                         {strings.NewReader("hello"), hello, 5, 5, nil},
		"right, by SHA-512":             {strings.NewReader("hello"), helloSHA512, 5, 5, nil},
		"right, the size unknown":       {strings.NewReader("hello"), hello, verify.SizeUnknown, 5, nil},
		"right, byte by byte":           {iotest.OneByteReader(strings.NewReader("hello")), hello, 5, 5, nil},
		"right, the end with the bytes": {iotest.DataErrReader(strings.NewReader("hello")), hello, 5, 5, nil},
		"nothing":                       {strings.NewReader(""), nothing, 0, 5, nil},
		"nothing, the size unknown":     {strings.NewReader(""), nothing, verify.SizeUnknown, 5, nil},
		"nothing, but some wanted":      {strings.NewReader(""), hello, 5, 5, errdef.ErrVerification},
		"other":                         {strings.NewReader("jello"), hello, 5, 5, errdef.ErrVerification},
		"other, the size unknown":       {strings.NewReader("jello"), hello, verify.SizeUnknown, 5, errdef.ErrVerification},
		"short":                         {strings.NewReader("hell"), hello, 5, 5, errdef.ErrVerification},
		"long":                          {strings.NewReader("hello!"), hello, 5, 6, errdef.ErrVerification},
		"long, byte by byte":            {iotest.OneByteReader(strings.NewReader("hello!")), hello, 5, 6, errdef.ErrVerification},
		"cut":                           {io.MultiReader(strings.NewReader("hel"), iotest.ErrReader(io.ErrUnexpectedEOF)), hello, 5, 5, errdef.ErrVerification},
		"over the limit, size unknown":  {strings.NewReader("hello"), hello, verify.SizeUnknown, 4, errdef.ErrTooLarge},
		"another error":                 {io.MultiReader(strings.NewReader("hel"), iotest.ErrReader(broken)), hello, 5, 5, broken},
	} {
		t.Run(name, func(t *testing.T) {
			digest, err := v1.NewHash(tc.digest)
			if err != nil {
				t.Fatal(err)
			}
			r, err := verify.NewReader(tc.content, digest, tc.size, tc.max)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.ReadAll(r)
			if !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if _, again := r.Read(make([]byte, 1)); tc.want != nil && again != err {
				t.Errorf("reading on gives %v", again)
			}
		})
	}
}

func TestReaderKeepsTheLastBytesOfWrongContent(t *testing.T) {
	digest, err := v1.NewHash(hello)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		content io.Reader
		size    int64
	}{
		"at once":                    {strings.NewReader("jello"), 5},
		"byte by byte":               {iotest.OneByteReader(strings.NewReader("jello")), 5},
		"at once, size unknown":      {strings.NewReader("jello"), verify.SizeUnknown},
		"byte by byte, size unknown": {iotest.OneByteReader(strings.NewReader("jello")), verify.SizeUnknown},
	} {
		r, err := verify.NewReader(tc.content, digest, tc.size, 5)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.ReadFull(r, make([]byte, 5)); n == 5 || !errors.Is(err, errdef.ErrVerification) {
			t.Errorf("%s: got %d bytes, %v", name, n, err)
		}
	}
}

func TestReaderRefusesWhatItCannotCheck(t *testing.T) {
	digest, err := v1.NewHash(hello)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify.NewReader(nil, digest, 6, 5); !errors.Is(err, errdef.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if _, err := verify.NewReader(nil, v1.Hash{Algorithm: "md5"}, 5, 5); err == nil {
		t.Error("md5 was accepted")
	}
}
