package leioci_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestPushErrorSaysWhichTagsWereMoved(t *testing.T) {
	all := []string{"2026-02-08", "latest", "weekly"}
	for name, tc := range map[string]struct {
		method, path string
		fault        leiocitest.Fault
		pushed       []string
		failed       []string
		unknown      bool
	}{
		"the second tag is refused": {
			http.MethodPut, "/manifests/latest", leiocitest.Status(http.StatusForbidden, "DENIED"),
			[]string{"2026-02-08", "weekly"},
			[]string{"latest"},
			false,
		},
		"the first tag is refused": {
			http.MethodPut, "/manifests/2026-02-08", leiocitest.Status(http.StatusForbidden, "DENIED"), nil, all, false,
		},
		"no answer to the last tag": {
			http.MethodPut, "/manifests/weekly", leiocitest.Cut(),
			[]string{"2026-02-08", "latest"},
			[]string{"weekly"},
			true,
		},
		"a blob is refused": {
			http.MethodPut, "/blobs/uploads/", leiocitest.Status(http.StatusForbidden, "DENIED"), nil, all, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			reg := leiocitest.NewRegistry(t)
			fault := reg.On(tc.method, tc.path, leiocitest.Always, tc.fault)
			manifest, blobs := sample(t)
			_, err := newClient(t).Push(t.Context(), repository(t, reg), all, manifest, blobs)
			var push *leioci.PushError
			if !errors.As(err, &push) {
				t.Fatalf("got %v, want a *PushError", err)
			}
			var failed []string
			for _, f := range push.Failed {
				failed = append(failed, f.Tag)
			}
			if !slices.Equal(push.Pushed, tc.pushed) || !slices.Equal(failed, tc.failed) {
				t.Errorf("got pushed %q and failed %q, want %q and %q", push.Pushed, failed, tc.pushed, tc.failed)
			}
			if push.Failed[0].Unknown != tc.unknown || push.Digest.DigestStr() != sampleDigest {
				t.Errorf("got %+v", push)
			}
			var answer *transport.Error
			if !tc.unknown && (!errors.Is(err, leioci.ErrDenied) || !errors.As(err, &answer)) {
				t.Errorf("%v: the cause is lost", err)
			}
			if fault.Hits() == 0 {
				t.Error("the fault was not hit")
			}
			for _, tag := range tc.pushed {
				if _, err := newClient(t).PullManifest(t.Context(), repository(t, reg).Tag(tag)); err != nil {
					t.Errorf("%s is said to be pushed: %v", tag, err)
				}
			}
			t.Log(err)
		})
	}
}

func TestPushEndsWithItsContext(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	reached := make(chan struct{}, 8)
	reg.On(http.MethodPost, "/blobs/uploads/", leiocitest.Always, leiocitest.Hang(reached))
	ctx, cancel := context.WithCancel(t.Context())
	manifest, blobs := sample(t)
	done := make(chan error)
	go func() {
		_, err := newClient(t).Push(ctx, repository(t, reg), []string{"latest"}, manifest, blobs)
		done <- err
	}()
	<-reached
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
