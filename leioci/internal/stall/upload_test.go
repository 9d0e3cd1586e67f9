package stall_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/stall"
)

// roundTripper is an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (rt roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return rt(req) }

// sources are the kinds of body: one read through this process, and one that the kernel may send by
// itself.
func sources(t *testing.T) map[string]func(content string) io.ReadCloser {
	return map[string]func(string) io.ReadCloser{
		"a body": func(content string) io.ReadCloser { return io.NopCloser(strings.NewReader(content)) },
		"a file": func(content string) io.ReadCloser { return file(t, content) },
	}
}

// put sends a body to a registry that reads it with take, and returns how long that took.
func put(t *testing.T, body io.ReadCloser, size int64, take func(r io.Reader, done <-chan struct{}) error) (took time.Duration, err error) {
	t.Helper()
	base := roundTripper(func(req *http.Request) (*http.Response, error) {
		defer req.Body.Close()
		if err := take(req.Body, req.Context().Done()); err != nil {
			return nil, err
		}
		return &http.Response{StatusCode: http.StatusCreated, Body: http.NoBody}, nil
	})
	req := request(t.Context(), t, http.MethodPut, nil)
	req.Body, req.ContentLength = body, size
	start := time.Now()
	resp, err := stall.Transport{Base: base, Timeout: timeout, Answer: answer}.RoundTrip(req)
	if err == nil {
		resp.Body.Close()
	}
	return time.Since(start), err
}

func TestAnUploadWithoutProgressIsStalled(t *testing.T) {
	for name, source := range sources(t) {
		for taken := range 3 {
			body := source("content")
			synctest.Test(t, func(t *testing.T) {
				took, err := put(t, body, 7, func(r io.Reader, done <-chan struct{}) error {
					_, _ = io.ReadFull(r, make([]byte, taken))
					<-done
					return errors.New("as wrapped by net/http")
				})
				if !errors.Is(err, errdef.ErrStalled) || took < timeout || took > timeout+2*timeout/late {
					t.Errorf("%s, %d bytes: got %v after %v", name, taken, err, took)
				}
			})
		}
	}
}

func TestAnUploadOfUnknownLengthIsStalledAsSoonAsAnyOther(t *testing.T) {
	for _, size := range []int64{-1, 0} { // net/http reads both as unknown where there is a body
		for name, source := range sources(t) {
			for taken := range 7 {
				body := source("content")
				synctest.Test(t, func(t *testing.T) {
					took, err := put(t, body, size, func(r io.Reader, done <-chan struct{}) error {
						_, _ = io.ReadFull(r, make([]byte, taken))
						<-done
						return errors.New("as wrapped by net/http")
					})
					if !errors.Is(err, errdef.ErrStalled) || took < timeout || took > timeout+2*timeout/late {
						t.Errorf("%s, %d bytes: got %v after %v", name, taken, err, took)
					}
				})
			}
			body := source("content")
			synctest.Test(t, func(t *testing.T) {
				took, err := put(t, body, size, func(r io.Reader, done <-chan struct{}) error {
					_, _ = io.ReadAll(r)
					body.Close() // as net/http does
					<-done
					return errors.New("as wrapped by net/http")
				})
				if !errors.Is(err, errdef.ErrStalled) || took < answer {
					t.Errorf("%s, sent whole: got %v after %v", name, err, took)
				}
			})
		}
	}
}

func TestASlowUploadIsNotStalled(t *testing.T) {
	const pause = timeout - time.Second
	for name, source := range sources(t) {
		body := source("content")
		synctest.Test(t, func(t *testing.T) {
			took, err := put(t, body, 7, func(r io.Reader, done <-chan struct{}) error {
				for range 7 {
					select {
					case <-time.After(pause):
						if _, err := io.ReadFull(r, make([]byte, 1)); err != nil {
							return err
						}
					case <-done:
						return errors.New("cut")
					}
				}
				return nil
			})
			if err != nil || took != 7*pause {
				t.Errorf("%s: got %v after %v", name, err, took)
			}
		})
	}
}

func TestTheResponseToACompleteUploadHasItsOwnLimit(t *testing.T) {
	for name, source := range sources(t) {
		for closed, close := range map[string]bool{"": false, ", closed": true} {
			body := source("content")
			synctest.Test(t, func(t *testing.T) {
				took, err := put(t, body, 7, func(r io.Reader, done <-chan struct{}) error {
					_, _ = io.ReadFull(r, make([]byte, 7))
					if close {
						body.Close() // as net/http does after the last byte
					}
					<-done
					return errors.New("as wrapped by net/http")
				})
				if !errors.Is(err, errdef.ErrStalled) || took < answer || took > answer+2*timeout/late {
					t.Errorf("%s%s: got %v after %v", name, closed, err, took)
				}
			})
		}
	}
}
