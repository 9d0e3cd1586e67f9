package leioci_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// numbered returns n tags in order.
func numbered(n int) []string {
	tags := make([]string, n)
	for i := range tags {
		tags[i] = fmt.Sprintf("t%06d", i)
	}
	return tags
}

// tagServer lists tags by n and last, with the Link that link makes of the last tag of a page.
func tagServer(tags []string, most int, link func(r *http.Request, last string) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/tags/list") {
			return // the ping
		}
		rest := tags
		if last := r.URL.Query().Get("last"); last != "" {
			i, found := slices.BinarySearch(tags, last)
			if found {
				i++
			}
			rest = tags[i:]
		}
		n, err := strconv.Atoi(r.URL.Query().Get("n"))
		if err != nil {
			n = most
		}
		page := rest[:min(len(rest), n, most)]
		if len(page) < len(rest) && link != nil {
			w.Header().Set("Link", link(r, page[len(page)-1]))
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"name": "org/lei-cache", "tags": page})
	})
}

func TestTagsListsAllOfThemHoweverTheyArePaged(t *testing.T) {
	next := func(format string) func(*http.Request, string) string {
		return func(r *http.Request, last string) string {
			return strings.NewReplacer("PATH", r.URL.Path, "LAST", last, "HOST", r.Host).Replace(format)
		}
	}
	for name, tc := range map[string]struct {
		tags, most int
		link       func(*http.Request, string) string
		requests   int
	}{
		"a path":                   {250, 100, next(`<PATH?n=100&last=LAST>; rel="next"`), 3},
		"a query":                  {250, 100, next(`<?n=100&last=LAST>; rel="next"`), 3},
		"a relative path":          {250, 100, next(`<list?last=LAST>; rel="next"`), 3},
		"a URL":                    {250, 100, next(`<http://HOSTPATH?n=100&last=LAST>; rel="next"`), 3},
		"a URL of another scheme":  {250, 100, next(`<https://HOSTPATH?n=100&last=LAST>; rel="next"`), 3},
		"a URL without a scheme":   {250, 100, next(`<//HOSTPATH?n=100&last=LAST>; rel="next"`), 3},
		"capital letters":          {250, 100, next(`<PATH?last=LAST>; REL=NEXT`), 3},
		"no quotes":                {250, 100, next(`<PATH?last=LAST>;rel=next`), 3},
		"spaces":                   {250, 100, next(`  < PATH?last=LAST >  ;  rel =  "next"  `), 3},
		"other parameters":         {250, 100, next(`<PATH?last=LAST>; title="a, \"b\"; rel=\"prev\""; flag; rel="next"; rel="prev"`), 3},
		"several relations":        {250, 100, next(`<PATH?last=LAST>; rel="item next"`), 3},
		"several links":            {250, 100, next(`</v2/first>; rel="first", <PATH?last=LAST>; rel="next", </v2/last>; rel="last"`), 3},
		"a comma in a link":        {250, 100, next(`</v2/first?a,b;c>; rel=first,<PATH?last=LAST>; rel=next`), 3},
		"no relation":              {250, 100, next(`<PATH?last=LAST>`), 3},
		"none, full pages":         {2500, 1000, nil, 4},
		"none, exactly full pages": {2000, 1000, nil, 3},
		"none, all at once":        {2500, 5000, nil, 4},
		"none, short pages":        {250, 100, nil, 4},
		"none, very short pages":   {7, 3, nil, 4},
		"one page":                 {3, 1000, nil, 2},
		"none at all":              {0, 1000, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			reg := leiocitest.Serve(t, tagServer(numbered(tc.tags), tc.most, tc.link))
			tags, err := newClient(t).Tags(t.Context(), repository(t, reg))
			if err != nil || !slices.Equal(tags, numbered(tc.tags)) {
				t.Errorf("got %d tags, %v, want %d", len(tags), err, tc.tags)
			}
			if n := requestCount(reg, "GET /v2/org/lei-cache/tags/list"); n != tc.requests {
				t.Errorf("%d pages, want %d", n, tc.requests)
			}
		})
	}
}

func TestTagsFollowsLinksOverWhateverTheSessionUses(t *testing.T) {
	link := func(scheme string) func(*http.Request, string) string {
		return func(r *http.Request, last string) string {
			return fmt.Sprintf(`<%s://%s%s?n=1&last=%s>; rel="next"`, scheme, r.Host, r.URL.Path, last)
		}
	}
	for _, scheme := range []string{"http", "https"} {
		secure := httptest.NewTLSServer(tagServer(numbered(3), 1, link(scheme)))
		defer secure.Close()
		plain := httptest.NewServer(tagServer(numbered(3), 1, link(scheme)))
		defer plain.Close()
		for name, tc := range map[string]struct {
			host, dial string
			opts       []leioci.Option
		}{
			"https, loopback":              {strings.TrimPrefix(secure.URL, "https://"), secure.Listener.Addr().String(), nil},
			"https, private":               {"10.1.2.3:5000", secure.Listener.Addr().String(), nil},
			"https, default port":          {"registry.example", secure.Listener.Addr().String(), nil},
			"https, default port, spelt":   {"registry.example:443", secure.Listener.Addr().String(), nil},
			"plain http, name":             {"registry.example", plain.Listener.Addr().String(), []leioci.Option{leioci.WithPlainHTTP("registry.example")}},
			"plain http, name and port":    {"registry.example:5000", plain.Listener.Addr().String(), []leioci.Option{leioci.WithPlainHTTP("registry.example:5000")}},
			"plain http, name and port 80": {"registry.example:80", plain.Listener.Addr().String(), []leioci.Option{leioci.WithPlainHTTP("registry.example:80")}},
		} {
			transport := &http.Transport{DialContext: dialer(tc.dial), TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			defer transport.CloseIdleConnections()
			repo, err := leioci.ParseRepository(tc.host + "/org/lei-cache")
			must(t, err)
			tags, err := newClient(t, append(tc.opts, leioci.WithTransport(transport))...).Tags(t.Context(), repo)
			if err != nil || len(tags) != 3 {
				t.Errorf("%s, a Link with %s: got %q, %v", name, scheme, tags, err)
			}
		}
	}
}

func TestAListOfTagsEndsOrFails(t *testing.T) {
	page := func(link string, tags ...string) leiocitest.Fault {
		var n atomic.Int64
		return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			if n := n.Add(1); link != "" {
				w.Header().Set("Link", strings.ReplaceAll(link, "N", strconv.FormatInt(n, 10)))
			}
			body, _ := json.Marshal(map[string]any{"tags": tags})
			_, _ = w.Write(body)
		}
	}
	full := numbered(1000)
	for name, tc := range map[string]struct {
		fault    leiocitest.Fault
		tags     int
		fails    bool
		requests int
	}{
		"a Link to the same page":         {page(`</v2/org/lei-cache/tags/list>; rel="next"`, "a", "b"), 0, true, 2},
		"a Link to ever the same tags":    {page(`</v2/org/lei-cache/tags/list?page=N>; rel="next"`, "a", "b"), 0, true, 2},
		"empty pages without end":         {page(`</v2/org/lei-cache/tags/list?page=N>; rel="next"`), 0, true, 11},
		"everything each time":            {page("", full...), 1000, false, 2},
		"more than everything, each time": {page("", append(full, "x")...), 1001, false, 2},
		"the same tag twice":              {page("", "a", "b", "a"), 2, false, 2},
		"no valid tags":                   {page("", "", "a b", "a/b", "../a", "-a", ".a", "\x1b[31m", "a\n", strings.Repeat("a", 129)), 0, false, 1},
		"some valid tags":                 {page("", "a b", "a", "\x1b[31m", "v1.0_x-y"), 2, false, 2},
	} {
		reg := leiocitest.NewRegistry(t)
		pages := reg.On(http.MethodGet, "/tags/list", leiocitest.Always, tc.fault)
		tags, err := newClient(t).Tags(t.Context(), repository(t, reg))
		if (err != nil) != tc.fails || len(tags) != tc.tags || pages.Hits() != tc.requests {
			t.Errorf("%s: got %d tags, %v, after %d requests", name, len(tags), err, pages.Hits())
		}
	}
}

func TestTagsReadsOddListsAndRefusesOthers(t *testing.T) {
	for body, want := range map[string]int{
		`{"name":"a","tags":null}`: 0, `{}`: 0, `{"tags":[]}`: 0, `{"tags":["a"],"next":"x"}`: 1,
		`{"tags":"a"}`: -1, `{"tags":[1]}`: -1, `[]`: -1, `<html></html>`: -1, ``: -1, `{"tags":["a"]`: -1,
	} {
		reg := leiocitest.NewRegistry(t)
		reg.On(http.MethodGet, "/tags/list", leiocitest.Always, respond(http.StatusOK, "application/json", body))
		tags, err := newClient(t).Tags(t.Context(), repository(t, reg))
		if (err != nil) != (want < 0) || err == nil && len(tags) != want {
			t.Errorf("%s: got %q, %v", body, tags, err)
		}
	}
}

func TestAListThatContinuesElsewhereIsNotFollowed(t *testing.T) {
	other := leiocitest.Serve(t, tagServer(numbered(3), 10, nil))
	for _, link := range []string{
		"<http://" + other.Host() + "/v2/org/lei-cache/tags/list>; rel=next",
		"<//" + other.Host() + "/v2/org/lei-cache/tags/list>; rel=next",
		"<http://user:password@HOST/v2/org/lei-cache/tags/list?last=a>; rel=next",
		"<http://HOST@" + other.Host() + "/>; rel=next",
		"<http://HOST.example/>; rel=next", "<ftp://HOST/>; rel=next", "<file:///etc/passwd>; rel=next", "<mailto:a@HOST>; rel=next",
		"<http://169.254.169.254/latest/meta-data/>; rel=next", "<http://%zz/>; rel=next",
	} {
		reg := leiocitest.NewRegistry(t)
		reg.On(http.MethodGet, "/tags/list", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			w.Header().Set("Link", strings.ReplaceAll(link, "HOST", r.Host))
			_, _ = io.WriteString(w, `{"tags":["a"]}`)
		})
		tags, err := newClient(t).Tags(t.Context(), repository(t, reg))
		if err == nil || len(other.Requests()) > 0 || requestCount(reg, "GET /v2/org/") != 1 || strings.Contains(err.Error(), "password") {
			t.Errorf("%s: got %q, %v, after %q", link, tags, err, reg.Requests())
		}
	}
}

func TestAListWithTooManyTagsIsTooLarge(t *testing.T) {
	reg := leiocitest.Serve(t, tagServer(numbered(500_001), 250_000, func(r *http.Request, last string) string {
		return fmt.Sprintf("<%s?last=%s>; rel=next", r.URL.Path, last)
	}))
	if tags, err := newClient(t).Tags(t.Context(), repository(t, reg)); !errors.Is(err, leioci.ErrTooLarge) {
		t.Errorf("got %d tags, %v", len(tags), err)
	}
}

func TestARegistryWithShorterPagesIsAskedWithoutASize(t *testing.T) {
	pages := tagServer(numbered(30), 10, func(r *http.Request, last string) string {
		return fmt.Sprintf(`<%s?last=%s>; rel="next"`, r.URL.Path, last)
	})
	reg := leiocitest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("n") != "" {
			leiocitest.Status(http.StatusBadRequest, "PAGINATION_NUMBER_INVALID")(w, r, nil)
			return
		}
		pages.ServeHTTP(w, r)
	}))
	if tags, err := newClient(t).Tags(t.Context(), repository(t, reg)); err != nil || len(tags) != 30 {
		t.Errorf("got %d tags, %v", len(tags), err)
	}
}

func TestEachPageOfAListIsTriedAgain(t *testing.T) {
	reg := leiocitest.Serve(t, tagServer(numbered(30), 10, func(r *http.Request, last string) string {
		return fmt.Sprintf("<%s?last=%s>; rel=next", r.URL.Path, last)
	}))
	var mu sync.Mutex
	tries := map[string]int{}
	reg.On(http.MethodGet, "/tags/list", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		mu.Lock()
		tries[r.URL.RawQuery]++
		nth := tries[r.URL.RawQuery]
		mu.Unlock()
		if nth < 5 {
			leiocitest.Status(http.StatusServiceUnavailable, "")(w, r, registry)
			return
		}
		registry.ServeHTTP(w, r)
	})
	tags, err := newClient(t, fast()).Tags(t.Context(), repository(t, reg))
	mu.Lock()
	defer mu.Unlock()
	if err != nil || len(tags) != 30 || len(tries) != 3 {
		t.Errorf("got %d tags, %v, after %v", len(tags), err, tries)
	}
}

func TestAListEndsWithItsContext(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	reached := make(chan struct{}, 1)
	reg.On(http.MethodGet, "/tags/list", 1, respond(http.StatusOK, "application/json", `{"tags":["`+strings.Join(numbered(1000), `","`)+`"]}`))
	reg.On(http.MethodGet, "/tags/list", leiocitest.Always, leiocitest.Hang(reached))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { _, err := newClient(t).Tags(ctx, repository(t, reg)); done <- err }()
	<-reached
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTagsSaysOfWhichRepositoryThereAreNone(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	repo := repository(t, reg)
	if _, err := newClient(t).Tags(t.Context(), repo); !errors.Is(err, leioci.ErrNotFound) || !strings.Contains(err.Error(), repo.Name()) {
		t.Errorf("got %v", err)
	}
}
