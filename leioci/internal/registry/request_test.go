package registry_test

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// drips sends a space every ten seconds, for ever.
func drips(status int) leiocitest.Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.WriteHeader(status)
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, " ")
			w.(http.Flusher).Flush()
			time.Sleep(10 * time.Second)
		}
	}
}

func endless(status int) leiocitest.Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		w.WriteHeader(status)
		leiocitest.Endless()(w, r, registry)
	}
}

// Of a success that was not asked for, nothing is read, and the status is told.
func TestASuccessOfAnotherKindIsAnErrorAtOnce(t *testing.T) {
	for name, fault := range map[string]leiocitest.Fault{
		"203, slow": drips(203), "206, slow": drips(206), "201, endless": endless(201), "202, endless": endless(202), "204": leiocitest.Status(204, ""),
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			reg, repo := w.serve("main.localhost")
			reg.On(http.MethodGet, "/org/", leiocitest.Always, fault)
			begin := time.Now()
			_, _, err := w.client().Source(repo).Manifest(t.Context(), repo.Tag("latest"), nil)
			_, tagsErr := w.client().Tags(t.Context(), repo)
			for _, err := range []error{err, tagsErr} {
				var response *transport.Error
				if !errors.As(err, &response) || response.StatusCode < 201 || response.StatusCode > 206 {
					t.Errorf("%s: got %v", name, err)
				}
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("%s: it took %v", name, took)
			}
		})
	}
}
