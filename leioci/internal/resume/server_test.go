package resume_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/resume"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

const content = "0123456789"

var errBroken = errors.New("broken")

// An answer is one of the server's responses, or an error in place of one.
type answer struct {
	status int
	header string // Content-Range
	length int64  // Content-Length; -1 if there is none
	body   string
	breaks error // how the body ends; nil for io.EOF
	err    error
}

// whole is a response with the whole content, or one that breaks off after n bytes.
func whole(n int) answer { return part(http.StatusOK, "", 0, n) }

// rest is a response with the content from an offset, or one that breaks off after n bytes of it.
func rest(from, n int) answer {
	return part(http.StatusPartialContent, fmt.Sprintf("bytes %d-9/10", from), from, n)
}

func part(status int, header string, from, n int) answer {
	a := answer{status: status, header: header, length: int64(len(content) - from), body: content[from:min(from+n, len(content))]}
	if from+n < len(content) {
		a.breaks = retry.Retryable(errBroken)
	}
	return a
}

// A server gives one answer after the other, and records the ranges requested.
type server struct {
	answers []answer
	asked   []string
	open    int
}

func (s *server) fetch(ctx context.Context, bytes string) (*http.Response, error) {
	s.asked = append(s.asked, bytes)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	a := s.answers[min(len(s.asked), len(s.answers))-1]
	if a.err != nil {
		return nil, a.err
	}
	s.open++
	header := http.Header{}
	if a.header != "" {
		header.Set("Content-Range", a.header)
	}
	return &http.Response{StatusCode: a.status, Header: header, ContentLength: a.length, Body: &body{s, strings.NewReader(a.body), a.breaks, false}}, nil
}

// body may break off, and counts in its server whether it was closed.
type body struct {
	server *server
	r      io.Reader
	breaks error
	closed bool
}

func (b *body) Read(p []byte) (int, error) {
	if b.closed {
		return 0, retry.Retryable(http.ErrBodyReadAfterClose) // retry.Transport marks every read error
	}
	n, err := b.r.Read(p[:min(len(p), 3)])
	if err == io.EOF && b.breaks != nil {
		err = b.breaks
	}
	return n, err
}

func (b *body) Close() error {
	if !b.closed {
		b.server.open--
	}
	b.closed = true
	return nil
}

// read reads everything that s serves, in a synctest bubble, and fails if a body stays open.
func read(t *testing.T, s *server, size, offset int64) (got string, resumed bool, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		policy := retry.Policy{Attempts: 3, MinDelay: time.Second, MaxDelay: time.Second}
		r, openErr := resume.Open(t.Context(), policy, resume.Content{Fetch: s.fetch, Size: size, Offset: offset, Notify: func(error, time.Duration) {}})
		if err = openErr; err == nil {
			var data []byte
			data, err = io.ReadAll(r)
			got, resumed = string(data), r.Resumed()
			if again, _ := r.Read(make([]byte, 1)); again != 0 {
				t.Errorf("there is more after the end")
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		if s.open != 0 {
			t.Errorf("%d bodies were left open", s.open)
		}
	})
	return got, resumed, err
}
