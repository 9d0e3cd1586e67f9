package leioci_test

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// secureRegistry returns a registry with a certificate of net/http's test authority, and that
// authority in PEM.
func secureRegistry(t *testing.T, config *tls.Config) (name.Repository, *httptest.Server, []byte) {
	t.Helper()
	server := httptest.NewUnstartedServer(leiocitest.NewHandler())
	server.TLS = config
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	repo, err := leioci.ParseRepository(strings.TrimPrefix(server.URL, "https://") + "/org/lei-cache")
	must(t, err)
	return repo, server, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

// pushOver pushes the sample with a client that uses this TLS configuration.
func pushOver(t *testing.T, repo name.Repository, config leioci.TLS, opts ...leioci.Option) error {
	t.Helper()
	c, err := leioci.New(append(opts, leioci.WithTLS(config), once())...)
	must(t, err)
	manifest, blobs := sample(t)
	_, err = c.Push(t.Context(), repo, []string{"latest"}, manifest, blobs)
	return err
}

func TestAPrivateAuthorityIsAddedToTheSystems(t *testing.T) {
	repo, _, ca := secureRegistry(t, nil)
	if err := pushOver(t, repo, leioci.TLS{}); err == nil || !strings.Contains(err.Error(), "TLS.RootCAs") {
		t.Errorf("without the authority: got %v", err)
	}
	if err := pushOver(t, repo, leioci.TLS{RootCAs: ca}); err != nil {
		t.Error(err)
	}
	var log bytes.Buffer
	logger := logrus.New()
	logger.SetOutput(&log)
	if err := pushOver(t, repo, leioci.TLS{InsecureSkipVerify: true}, leioci.WithLogger(logger)); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "level=warning") || !strings.Contains(log.String(), "not verified") {
		t.Errorf("skipping the verification is not loud: %s", log.String())
	}
}

func TestAClientCertificateIsShown(t *testing.T) {
	repo, server, ca := secureRegistry(t, &tls.Config{ClientAuth: tls.RequireAnyClientCert})
	if err := pushOver(t, repo, leioci.TLS{RootCAs: ca}); err == nil || !strings.Contains(err.Error(), "TLS.Certificates") {
		t.Errorf("without a certificate: got %v", err)
	}
	if err := pushOver(t, repo, leioci.TLS{RootCAs: ca, Certificates: server.TLS.Certificates}); err != nil {
		t.Error(err)
	}
}

func TestTLSThatCannotWorkIsRefused(t *testing.T) {
	if _, err := leioci.New(leioci.WithTLS(leioci.TLS{RootCAs: []byte("no PEM")})); err == nil {
		t.Error("authorities that are none were accepted")
	}
	if _, err := leioci.New(leioci.WithTLS(leioci.TLS{}), leioci.WithTransport(http.DefaultTransport)); err == nil {
		t.Error("TLS beside a transport that has its own was accepted")
	}
}

func TestAProgramMayReplaceTheDefaultTransport(t *testing.T) {
	was := remote.DefaultTransport
	defer func() { remote.DefaultTransport = was }()
	remote.DefaultTransport = roundTripper(was.RoundTrip)
	if _, err := leioci.New(); err != nil {
		t.Error(err)
	}
}

func TestABundleOfAuthoritiesIsReadAsEditorsAndShellsLeaveIt(t *testing.T) {
	repo, _, ca := secureRegistry(t, nil)
	text := string(ca)
	for name, bundle := range map[string]string{
		"a byte order mark":          "\ufeff" + text,
		"CRLF":                       strings.ReplaceAll(text, "\n", "\r\n"),
		"CR":                         strings.ReplaceAll(text, "\n", "\r"),
		"text around it":             "# our authority\nsubject=CN = x: y\n" + text + "\ntrailing",
		"text on its line":           "our authority: " + text,
		"indented":                   "  " + strings.ReplaceAll(text, "\n", "\n  "),
		"no last newline":            strings.TrimSpace(text),
		"two in one line":            strings.TrimSpace(text) + strings.TrimSpace(text),
		"a mark in the middle":       text + "\ufeff" + text,
		"another block before it":    "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n" + text,
		"a damaged block of another": "-----BEGIN X509 CRL-----\n*\n-----END X509 CRL-----\n" + text,
	} {
		if err := pushOver(t, repo, leioci.TLS{RootCAs: []byte(bundle)}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestADamagedAuthorityIsAnErrorThatSaysWhich(t *testing.T) {
	_, _, ca := secureRegistry(t, nil)
	text := string(ca)
	for name, tc := range map[string]struct{ bundle, says string }{
		"not a certificate":  {text + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + text, "certificate 2"},
		"empty":              {text + "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "certificate 2"},
		"not base64":         {strings.Replace(text, "MII", "*II", 1) + text, "2 certificates, of which 1 are damaged"},
		"cut off":            {text + text[:len(text)/2], "2 certificates, of which 1 are damaged"},
		"cut off, then more": {text[:len(text)/2] + "\n" + text, "2 certificates, of which 1 are damaged"},
		"nothing":            {"", "no certificate"},
		"a key":              {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no certificate"},
		"UTF-16":             {"\xff\xfe-\x00-\x00", "no certificate"},
	} {
		if _, err := leioci.New(leioci.WithTLS(leioci.TLS{RootCAs: []byte(tc.bundle)})); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
