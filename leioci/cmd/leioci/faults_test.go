package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestAFaultIsOneLineThatSaysWhatToDo(t *testing.T) {
	dir := absolute(t)
	for name, tc := range map[string]struct {
		status       int
		method, path string
		fault        leiocitest.Fault
		says         string // what the user should try next
		args         []string
	}{
		"a login page":        {5, http.MethodGet, "/manifests/", leiocitest.Status(http.StatusUnauthorized, "UNAUTHORIZED"), "log in with docker login", nil},
		"forbidden":           {5, http.MethodGet, "/manifests/", leiocitest.Status(http.StatusForbidden, "DENIED"), "tried with no credentials", nil},
		"absent":              {7, http.MethodGet, "/manifests/", leiocitest.Status(http.StatusNotFound, "MANIFEST_UNKNOWN"), "may not exist", nil},
		"rate limited":        {1, http.MethodGet, "/manifests/", leiocitest.RetryAfter(http.StatusTooManyRequests, "3600"), "try again in 1h0m0s", nil},
		"down":                {1, http.MethodGet, "/manifests/", leiocitest.Status(http.StatusServiceUnavailable, ""), "503 Service Unavailable (tried 2 times)", []string{"--attempts", "2"}},
		"silent":              {1, http.MethodGet, "/manifests/", leiocitest.Hang(nil), "check any proxies", []string{"--stall-timeout", "50ms"}},
		"silent in a blob":    {1, http.MethodGet, "/blobs/", leiocitest.Stall(0), "check any proxies", []string{"--stall-timeout", "50ms"}},
		"a corrupt blob":      {4, http.MethodGet, "/blobs/", leiocitest.Corrupt(3), "the content is corrupt in the registry", nil},
		"a blob that breaks":  {4, http.MethodGet, "/blobs/", leiocitest.Truncate(0), "the connection broke off; try again", nil},
		"an endless manifest": {1, http.MethodGet, "/manifests/", leiocitest.Endless(), "larger than the limit", nil},
		"a redirect loop":     {1, http.MethodGet, "/manifests/", leiocitest.Redirect(http.StatusTemporaryRedirect, "/v2/org/lei-cache/manifests/latest"), "10 redirects", nil},
		"a page of HTML":      {1, http.MethodGet, "/manifests/", leiocitest.HugeError(http.StatusBadGateway, 1<<20), "502 Bad Gateway", nil},
		"a private address":   {1, http.MethodGet, "/blobs/", leiocitest.Redirect(http.StatusTemporaryRedirect, "http://10.0.0.1/x"), "--allow-private-redirects", nil},
		"nothing listening":   {1, "", "", nil, "is the registry running", nil},
	} {
		t.Run(name, func(t *testing.T) {
			reg := leiocitest.NewRegistry(t)
			ref := reg.Host() + "/org/lei-cache"
			if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", dir, ref); status != 0 {
				t.Fatal(stderr)
			}
			if tc.fault != nil {
				reg.On(tc.method, tc.path, leiocitest.Always, tc.fault)
			} else {
				ref = closedPort(t) + "/org/lei-cache"
			}
			status, stdout, stderr := leiociIn(t, t.TempDir(), "", append([]string{"pull", ref, "--attempts", "1"}, tc.args...)...)
			if status != tc.status || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "leioci: ") {
				t.Errorf("%d, %q, %q", status, stdout, stderr)
			}
			if !strings.Contains(stderr, tc.says) || len(stderr) >= 1<<10 {
				t.Errorf("it says %q, want %q", stderr, tc.says)
			}
		})
	}
}

// closedPort returns a loopback address on which nothing listens. Until the test ends, nothing else
// can: it is a connection's own.
func closedPort(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(nil)
	t.Cleanup(server.Close)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // before the server, which waits for it
	return conn.LocalAddr().String()
}

func TestAPushThatFailsSaysWhichTagsWereMoved(t *testing.T) {
	reg, dir := leiocitest.NewRegistry(t), absolute(t)
	reg.On(http.MethodPut, "/manifests/latest", leiocitest.Always, leiocitest.Status(http.StatusBadRequest, "MANIFEST_INVALID"))
	status, stdout, stderr := leiociIn(t, t.TempDir(), "", "push", dir, reg.Host()+"/org/lei-cache")
	if status != 1 || stdout != "" || strings.Count(stderr, "\n") != 1 {
		t.Errorf("%d, %q, %q", status, stdout, stderr)
	}
	for _, says := range []string{"tags moved: 2026-02-08, weekly", "failed: latest", "some registries refuse config and layer types"} {
		if !strings.Contains(stderr, says) {
			t.Errorf("it says %q, want %q", stderr, says)
		}
	}
}

func TestVerboseLogsRequestsAndNoSecret(t *testing.T) {
	reg, dir := leiocitest.NewRegistry(t), absolute(t)
	status, _, stderr := leiociIn(t, t.TempDir(), "s3cret", "push", "-v", dir, reg.Host()+"/org/lei-cache")
	if status != 0 || !strings.Contains(stderr, "method=PUT") || !strings.Contains(stderr, "status=201") || strings.Contains(stderr, "s3cret") {
		t.Errorf("%d, %q", status, stderr)
	}
}

func TestWrongNetworkFlagsAreStatus2(t *testing.T) {
	notPEM := filepath.Join(absolute(t), "manifest.json")
	for flag, says := range map[string]string{
		"--attempts=0":                     "--attempts",
		"--attempts=x":                     `--attempts "x": want a whole number`,
		"--attempts=99999999999999999999":  `--attempts "99999999999999999999": want a whole number`,
		"--verify=perhaps":                 `--verify "perhaps": want true or false`,
		"--stall-timeout=-1s":              "--stall-timeout -1s: must be positive",
		"--stall-timeout=5":                `--stall-timeout "5": want a number with its unit`,
		"--max-age=5":                      "such as 2d",
		"--plain-http-host=a/b":            "--plain-http-host: plain HTTP for",
		"--ca-file=absent":                 "--ca-file",
		"--ca-file=" + notPEM:              "--ca-file " + notPEM,
		"--cert-file=absent":               "--key-file",
		"--allow-private-redirects=10.1.2": "--allow-private-redirects",
	} {
		status, _, stderr := leiociIn(t, t.TempDir(), "", "pull", "localhost:1/a/b", flag)
		if status != 2 || !strings.Contains(stderr, says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: %d, %q", flag, status, stderr)
		}
		for _, of := range []string{"strconv.", "time: ", "netip.", "new client"} { // what only Go programmers know
			if strings.Contains(stderr, of) {
				t.Errorf("%s: %q", flag, stderr)
			}
		}
	}
}

func TestSeveralProblemsOfASnapshotAreToldApart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "export")
	if err := os.CopyFS(dir, os.DirFS(absolute(t))); err != nil {
		t.Fatal(err)
	}
	var other bytes.Buffer
	z := gzip.NewWriter(&other)
	_, err := io.WriteString(z, "{}\n")
	if err := errors.Join(err, z.Close(), os.WriteFile(filepath.Join(dir, "cache.jsonl.gz"), other.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	status, _, stderr := leiociIn(t, t.TempDir(), "", "push", dir, "localhost:1/a/b")
	if status != 4 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "; content hash: ") {
		t.Errorf("%d, %q", status, stderr)
	}
	if status, _, stderr = leiociIn(t, t.TempDir(), "", "push", "", "localhost:1/a/b"); status != 2 || !strings.Contains(stderr, "DIR is empty") {
		t.Errorf("%d, %q", status, stderr)
	}
}

func TestPlainHTTPIsForTheReferencesOrForTheHostsGiven(t *testing.T) {
	reg, dir := leiocitest.NewRegistry(t), absolute(t)
	ref := reg.Host() + "/org/lei-cache"
	for flag, says := range map[string]string{
		"--plain-http":                    "pushed",
		"--plain-http-host=" + reg.Host(): "pushed",
		"--plain-http-host=a/b":           "host or host:port",
	} {
		if _, _, stderr := leiociIn(t, t.TempDir(), "", "push", dir, ref, flag); !strings.Contains(stderr, says) {
			t.Errorf("%s: %q", flag, stderr)
		}
	}
}
