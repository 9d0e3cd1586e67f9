package repository

import (
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// TestTheCommandsOfTheReadmeRun runs each line of the README's blocks for a shell, one after the other
// in one directory, with registries of this machine in place of those that they name.
func TestTheCommandsOfTheReadmeRun(t *testing.T) {
	s := newSite(t)
	prepareReadme(t, s)
	secure := httptest.NewTLSServer(s.inside)
	t.Cleanup(secure.Close)
	writePair(t, s.work, secure)

	tls := secure.Listener.Addr().String() + "/lei/cache"
	plain := []string{"ghcr.io/org/lei-cache", s.from(), "registry.internal:5000/lei/cache", s.to(), "10.1.2.3:5000/lei/cache", s.to()}
	overTLS := strings.NewReplacer("registry.internal/lei/cache", tls, "10.0.0.5:5000/lei/cache", tls)
	here := strings.NewReplacer(append(plain, "registry.internal/lei/cache", s.to())...)
	signedHere := strings.NewReplacer("ghcr.io/org/lei-cache", s.outside.Host()+"/signed/both -o signed")
	run := 0
	for _, line := range shellLines(t, "README.md") {
		if assertNames(t, line) {
			continue
		}
		run++
		switch {
		case strings.Contains(line, "--ca-file"):
			s.must(t, overTLS.Replace(line))
		case strings.Contains(line, "--cert-file"), strings.Contains(line, "--https-only"):
			s.must(t, "export SSL_CERT_FILE=ca.pem; "+overTLS.Replace(line))
		case strings.Contains(line, "--key lei.pub"), strings.Contains(line, "--policy policy.json"):
			s.must(t, signedHere.Replace(line))
		case strings.HasPrefix(line, "leioci serve "):
			s.mustServe(t, here.Replace(line))
		case strings.HasPrefix(line, "leioci "), strings.HasPrefix(line, "source <(leioci "):
			s.must(t, "leioci copy "+s.from()+" "+s.to()+"\n"+here.Replace(line)) // the mirror
		default:
			t.Errorf("this test does not know how to run %q", line)
		}
	}
	if run < 25 {
		t.Errorf("only %d lines", run)
	}
}

// prepareReadme makes what the README's lines name.
func prepareReadme(t *testing.T, s *site) {
	t.Helper()
	report := `{"data":{"repo":"https://github.com/org/low","risk":"low"}}`
	today := leiocitest.WriteSnapshot(t, time.Now().UTC(), report)
	yesterday := leiocitest.WriteSnapshot(t, time.Now().UTC().AddDate(0, 0, -1), report)
	s.must(t, "cp -R "+today+" today; cp -R "+yesterday+" yesterday; cp "+signed(t, "trusted.pub")+" lei.pub")
	s.must(t, "leioci push today "+s.from()+" "+s.from()+":weekly")
	s.carrySigned(t, "both")
	policy := `{"format_version": 1, "repositories": {"` + s.outside.Host() + `": {"keys": ["lei.pub"], "max_age": "10000d"}}}`
	for name, text := range map[string]string{"reports.jsonl": report + "\n", "bom.json": bomOfLow, "policy.json": policy} {
		if err := os.WriteFile(filepath.Join(s.work, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// writePair writes a server's certificate as an authority and, with its key, as a client's.
func writePair(t *testing.T, dir string, server *httptest.Server) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for name, data := range map[string][]byte{
		"ca.pem": certificate, "me.pem": certificate,
		"me.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
