package leiocitest_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// ranged serves ten bytes, or a range of them, with a digest.
func ranged(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Docker-Content-Digest", "sha256:0123")
	w.Header().Set("Location", "/v2/a/blobs/uploads/1")
	if r.Header.Get("Range") != "" {
		w.Header().Set("Content-Range", "bytes 4-9/10")
		w.WriteHeader(http.StatusPartialContent)
		_, _ = io.WriteString(w, "456789")
		return
	}
	_, _ = io.WriteString(w, "0123456789")
}

func TestFaultsAnswerAsTheySay(t *testing.T) {
	for name, tc := range map[string]struct {
		fault  leiocitest.Fault
		status int
		header map[string]string // empty if the header must be absent
		body   string
		fails  bool
	}{
		"none":        {nil, 206, map[string]string{"Content-Range": "bytes 4-9/10", "Content-Length": "6"}, "456789", false},
		"IgnoreRange": {leiocitest.IgnoreRange(), 200, map[string]string{"Content-Range": "", "Content-Length": "10"}, "0123456789", false},
		"RetryAfter":  {leiocitest.RetryAfter(429, "soon"), 429, map[string]string{"Retry-After": "soon"}, "", false},
		"HugeError":   {leiocitest.HugeError(500, 100000), 500, nil, strings.Repeat("e", 100000), false},
		"Redirect":    {leiocitest.Redirect(302, "/login"), 302, map[string]string{"Location": "/login"}, "", false},
		"Redirect to a host": {
			leiocitest.Redirect(307, "http://storage.localhost"), 307,
			map[string]string{"Location": "http://storage.localhost/v2/a?b=c"},
			"", false,
		},
		"Redirect to a URL": {
			leiocitest.Redirect(307, "http://storage.localhost/x"), 307,
			map[string]string{"Location": "http://storage.localhost/x"},
			"", false,
		},
		"Header":           {leiocitest.Header("Content-Range", "bytes 0-1/2"), 206, map[string]string{"Content-Range": "bytes 0-1/2", "Docker-Content-Digest": "sha256:0123"}, "456789", false},
		"Header, left out": {leiocitest.Header("Docker-Content-Digest", ""), 206, map[string]string{"Content-Range": "bytes 4-9/10", "Docker-Content-Digest": ""}, "456789", false},
		"Location": {
			leiocitest.Location(func(l string) string { return "http://other" + l }), 206,
			map[string]string{"Location": "http://other/v2/a/blobs/uploads/1", "Docker-Content-Digest": "sha256:0123"},
			"456789", false,
		},
		"Corrupt":                     {leiocitest.Corrupt(1), 206, map[string]string{"Content-Length": "6", "Docker-Content-Digest": "sha256:0123"}, "446789", false},
		"Corrupt, the last byte":      {leiocitest.Corrupt(5), 206, map[string]string{"Content-Length": "6"}, "456788", false},
		"Corrupt, beyond the end":     {leiocitest.Corrupt(6), 206, map[string]string{"Content-Length": "6"}, "456789", false},
		"Short":                       {leiocitest.Short(2), 206, map[string]string{"Content-Length": "4"}, "4567", false},
		"Short of more than there is": {leiocitest.Short(7), 206, map[string]string{"Content-Length": "0"}, "", false},
		"Truncate":                    {leiocitest.Truncate(4), 206, nil, "4567", true},
		"Truncate at once":            {leiocitest.Truncate(0), 206, nil, "", true},
		"Status":                      {leiocitest.Status(404, "BLOB_UNKNOWN"), 404, nil, `{"errors":[{"code":"BLOB_UNKNOWN","message":"injected"}]}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			n := leiocitest.NewNetwork(t)
			reg := n.Serve("one.example", http.HandlerFunc(ranged))
			if tc.fault != nil {
				reg.On("", "", leiocitest.Always, tc.fault)
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://one.example/v2/a?b=c", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Range", "bytes=4-9")
			resp, err := n.Transport().RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if resp.StatusCode != tc.status || string(body) != tc.body || (err != nil) != tc.fails {
				t.Errorf("got %d, %q, %v", resp.StatusCode, body, err)
			}
			for header, want := range tc.header {
				if got := resp.Header.Get(header); got != want {
					t.Errorf("%s: got %q, want %q", header, got, want)
				}
			}
		})
	}
}

func TestALocationCanBeLeftOut(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	reg.On(http.MethodPost, "", leiocitest.Always, leiocitest.Location(func(location string) string {
		if !strings.HasPrefix(location, "/v2/a/blobs/uploads/") {
			t.Errorf("the original is %q", location)
		}
		return ""
	}))
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, _, err := ask(t.Context(), t, transport, http.MethodPost, "http://"+reg.Host()+"/v2/a/blobs/uploads/", nil)
	if err != nil || resp.status != http.StatusAccepted || len(resp.header.Values("Location")) != 0 {
		t.Errorf("got %v, %v", resp, err)
	}
}

func TestFaultsOfBodiesLeaveTheLengthOfOthersAlone(t *testing.T) {
	for name, fault := range map[string]leiocitest.Fault{"Truncate": leiocitest.Truncate(4), "Drip": leiocitest.Drip(4, 0), "Header": leiocitest.Header("X", "y")} {
		n := leiocitest.NewNetwork(t)
		n.Serve("one.example", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(10))
			_, _ = io.WriteString(w, "0123456789") // the client may be gone
		})).On("", "", leiocitest.Always, fault)
		resp, body, err := ask(t.Context(), t, n.Transport(), http.MethodGet, "http://one.example/", nil)
		if resp.length != 10 || (err != nil) != (name == "Truncate") {
			t.Errorf("%s: got %v, %q, %v", name, resp, body, err)
		}
	}
}
