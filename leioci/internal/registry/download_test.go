package registry_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// A partial is a file in memory that may hold something from before.
type partial struct {
	before  string
	now     bytes.Buffer // what was written since
	written func()       // is called after each write; may be nil
}

func (p *partial) Size() int64        { return int64(len(p.before)) }
func (p *partial) Content() io.Reader { return strings.NewReader(p.before) }
func (p *partial) holds() string      { return p.before + p.now.String() }

func (p *partial) Write(b []byte) (int, error) {
	n, err := p.now.Write(b)
	if p.written != nil {
		p.written()
	}
	return n, err
}

func (p *partial) Reset() error {
	p.before = ""
	p.now.Reset()
	return nil
}

func TestADownloadFetchesWhatIsMissingAndWhatIsWrong(t *testing.T) {
	const whole, rest = "", "bytes=4-9"
	type faults []leiocitest.Fault // for the first requests
	for name, tc := range map[string]struct {
		before  string
		faults  faults
		fetched int64
		ranges  []string // what the registry was asked for
	}{
		"nothing is there":              {"", nil, 10, []string{whole}},
		"the beginning is there":        {"0123", nil, 6, []string{rest}},
		"all is there":                  {sampleBlob, nil, 0, nil},
		"the beginning is wrong":        {"012x", nil, 16, []string{rest, whole}},
		"all is wrong":                  {"012345678x", nil, 10, []string{whole}},
		"more is there":                 {sampleBlob + "x", nil, 10, []string{whole}},
		"it breaks off":                 {"", faults{leiocitest.Truncate(4)}, 10, []string{whole, rest}},
		"it breaks off before anything": {"", faults{leiocitest.Truncate(0)}, 10, []string{whole, whole}},
		"the rest is wrong":             {"0123", faults{leiocitest.Corrupt(1)}, 16, []string{rest, whole}},
		"the range is not satisfiable":  {"0123", faults{leiocitest.Status(http.StatusRequestedRangeNotSatisfiable, "")}, 10, []string{rest, whole}},
		"the range is refused":          {"0123", faults{leiocitest.Status(http.StatusBadRequest, "")}, 10, []string{rest, whole}},
		"the range is another":          {"0123", faults{leiocitest.Header("Content-Range", "bytes 3-9/10")}, 10, []string{rest, whole}},
		"the registry has no ranges":    {"0123", faults{leiocitest.IgnoreRange()}, 10, []string{rest}},
		"the registry is down for once": {"0123", faults{leiocitest.Status(http.StatusServiceUnavailable, "")}, 6, []string{rest, rest}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			reg, repo := w.serve("main.localhost")
			var ranges []string
			reg.On(http.MethodGet, "/blobs/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
				i := len(ranges)
				ranges = append(ranges, r.Header.Get("Range"))
				if i < len(tc.faults) {
					tc.faults[i](w, r, registry)
					return
				}
				registry.ServeHTTP(w, r)
			})
			part := &partial{before: tc.before}
			fetched, err := w.client().Source(repo).Download(t.Context(), sample(t), part)
			if err != nil || part.holds() != sampleBlob || fetched != tc.fetched || !slices.Equal(ranges, tc.ranges) {
				t.Errorf("got %q, %v: %d bytes by %q, want %d by %q", part.holds(), err, fetched, ranges, tc.fetched, tc.ranges)
			}
		})
	}
}

func TestADownloadThatFailsKeepsWhatMayBeRightAndNothingElse(t *testing.T) {
	for name, tc := range map[string]struct {
		before string
		fault  leiocitest.Fault
		keeps  string
		tries  int
		want   string
	}{
		"wrong content":           {"", leiocitest.Corrupt(0), "", 1, errdef.ErrVerification.Error()},
		"wrong content, twice":    {"0123", leiocitest.Corrupt(0), "", 2, errdef.ErrVerification.Error()},
		"another size":            {"", leiocitest.Short(1), "", 1, errdef.ErrVerification.Error()},
		"wrong after a beginning": {"", inTwo("01234", "xxxxx"), "", 1, errdef.ErrVerification.Error()},
		"wrong in pieces":         {"", brokenAndWrong, "", 4, errdef.ErrVerification.Error()},
		"unavailable":             {"0123", leiocitest.Status(http.StatusServiceUnavailable, ""), "0123", 3, "503"},
		"refused credentials":     {"0123", leiocitest.Status(http.StatusUnauthorized, ""), "0123", 2, "401"},
		"denied":                  {"0123", leiocitest.Status(http.StatusForbidden, ""), "0123", 2, "403"},
		"not found, with a rest":  {"0123", leiocitest.Status(http.StatusNotFound, ""), "0123", 2, "404"},
		"not found, with nothing": {"", leiocitest.Status(http.StatusNotFound, ""), "", 1, "404"},
		"breaking off every time": {"0123", leiocitest.Truncate(0), "0123", 3, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			reg, repo := w.serve("main.localhost")
			fault := reg.On(http.MethodGet, "/blobs/", leiocitest.Always, tc.fault)
			part := &partial{before: tc.before}
			_, err := w.client().Source(repo).Download(t.Context(), sample(t), part)
			text := fmt.Sprint(err)
			var response *transport.Error
			if errors.As(err, &response) {
				text = fmt.Sprint(response.StatusCode)
			}
			if !strings.Contains(text, tc.want) || part.holds() != tc.keeps || fault.Hits() != tc.tries {
				t.Errorf("got %v after %d tries, and %q is kept", err, fault.Hits(), part.holds())
			}
		})
	}
}

// inTwo is a fault that answers with a body of two parts, which come one after the other.
func inTwo(first, second string) leiocitest.Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Length", fmt.Sprint(len(first)+len(second)))
		_, _ = io.WriteString(w, first)
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, second)
	}
}

// brokenAndWrong is a fault that breaks off the whole, and answers a range with wrong content.
func brokenAndWrong(w http.ResponseWriter, r *http.Request, registry http.Handler) {
	fault := leiocitest.Truncate(4)
	if r.Header.Get("Range") != "" {
		fault = leiocitest.Corrupt(0)
	}
	fault(w, r, registry)
}

func TestAMirrorWhoseContentIsWrongIsPassedOverByADownload(t *testing.T) {
	for name, tc := range map[string]struct {
		wrong []string // places
		from  string   // "" for none
	}{
		"none":       {nil, "a.localhost"},
		"the first":  {[]string{"a.localhost"}, "b.localhost"},
		"both":       {[]string{"a.localhost", "b.localhost"}, "main.localhost"},
		"everywhere": {[]string{"a.localhost", "b.localhost", "main.localhost"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlaces(t)
			for _, host := range tc.wrong {
				p.regs[host].On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Corrupt(5))
			}
			part := &partial{}
			fetched, err := p.source().Download(t.Context(), sample(t), part)
			if tc.from == "" {
				if !errors.Is(err, errdef.ErrVerification) || part.holds() != "" {
					t.Errorf("got %v, and %q is kept", err, part.holds())
				}
				return
			}
			if err != nil || part.holds() != sampleBlob || fetched != int64(10*(len(tc.wrong)+1)) {
				t.Errorf("got %q, %v: %d bytes", part.holds(), err, fetched)
			}
			if n := asked(p.regs[tc.from], "GET /v2/org/cache/blobs/"); n != 1 {
				t.Errorf("%s was asked %d times", tc.from, n)
			}
			if n := strings.Count(p.log.String(), "level=warning"); n != len(tc.wrong) {
				t.Errorf("there were %d warnings:\n%s", n, p.log.String())
			}
		})
	}
}

func TestADownloadThatEndsWithItsContextKeepsWhatHasCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		reg, repo := w.serve("main.localhost")
		silent := reg.On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Stall(3))
		ctx, cancel, cause := withCause(t)
		part := &partial{before: "0123"}
		part.written = func() { cancel(cause) }
		_, err := w.client().Source(repo).Download(ctx, sample(t), part)
		if err == nil || errors.Is(err, errdef.ErrVerification) || !strings.HasPrefix(sampleBlob, part.holds()) || part.now.Len() == 0 {
			t.Errorf("got %v, and %q is kept", err, part.holds())
		}
		if silent.Hits() != 1 {
			t.Errorf("the registry was asked %d times", silent.Hits())
		}
	})
}
