package main

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	logtest "github.com/sirupsen/logrus/hooks/test"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// TestTheRegistryIsReachedWithItsAuthorityAndItsToken uses a registry whose certificate is not
// signed by any of the system's authorities.
func TestTheRegistryIsReachedWithItsAuthorityAndItsToken(t *testing.T) {
	handler := leiocitest.NewHandler()
	open := leiocitest.Serve(t, handler) // the same content without TLS or token, to push to
	pushed := http.DefaultTransport.(*http.Transport).Clone()
	defer pushed.CloseIdleConnections()
	digest := push(t, pushed, open.Host(), "2026-02-08", leiocitest.WriteSnapshot(t, day, reports("2026-02-08")...))
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t0ken" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="https://`+r.Host+`/token",service="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	authority := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	must(t, os.WriteFile(authority, pem.EncodeToMemory(&block), 0o600))

	registry := strings.TrimPrefix(server.URL, "https://")
	c, err := parseConfig([]string{"-ref", registry + "/org/lei-cache", "-dir", "d", "-ca-file", authority}, func(name string) string {
		return map[string]string{"LEI_REGISTRY_TOKEN": "t0ken"}[name]
	}, nil)
	must(t, err)
	base, err := c.transport()
	must(t, err)
	defer base.CloseIdleConnections()
	log, _ := logtest.NewNullLogger()
	client, err := c.client(base, log)
	must(t, err)
	m, err := client.PullManifest(t.Context(), c.ref)
	must(t, err)
	if m.Descriptor.Digest.String() != digest {
		t.Errorf("got %s, want %s", m.Descriptor.Digest, digest)
	}
}

func TestACertificateFileThatCannotBeReadAsAWholeIsRefused(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	server.Close()
	block := func(der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	good := block(server.Certificate().Raw)
	for name, content := range map[string]string{
		"nothing":                   "",
		"a damaged one":             good + block(server.Certificate().Raw[:100]),
		"one that is cut off":       good + good[:len(good)/2],
		"two on one line":           good[:len(good)-1] + good,
		"another after a bad start": "\ufeff" + good + good,
	} {
		file := filepath.Join(t.TempDir(), "ca.pem")
		must(t, os.WriteFile(file, []byte(content), 0o600))
		c := &config{caFile: file}
		if _, err := c.transport(); err == nil || !strings.Contains(err.Error(), "-ca-file "+file) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	c := &config{caFile: "does-not-exist.pem"}
	if _, err := c.transport(); err == nil || !strings.Contains(err.Error(), "-ca-file: open does-not-exist.pem") {
		t.Errorf("got %v", err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(file, []byte("# ours\r\n"+strings.ReplaceAll(good+good, "\n", "\r\n")), 0o600))
	base, err := (&config{caFile: file}).transport()
	must(t, err)
	base.CloseIdleConnections()
}

func TestATokenThatCannotBeSentIsNamedAndNotShown(t *testing.T) {
	c, err := parseConfig([]string{"-ref", "localhost:1/a/b", "-dir", "d"}, func(name string) string {
		return map[string]string{"LEI_REGISTRY_TOKEN": "t0ken\n"}[name]
	}, nil)
	must(t, err)
	log, _ := logtest.NewNullLogger()
	_, err = c.client(http.DefaultTransport, log)
	if err == nil || !strings.Contains(err.Error(), "LEI_REGISTRY_TOKEN") || strings.Contains(err.Error(), "t0ken") {
		t.Errorf("got %v", err)
	}
}
