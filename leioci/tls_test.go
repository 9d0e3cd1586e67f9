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
	if err := pushOver(t, repo, leioci.TLS{}); err == nil || !strings.Contains(err.Error(), "--ca-file") {
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
	if err := pushOver(t, repo, leioci.TLS{RootCAs: ca}); err == nil || !strings.Contains(err.Error(), "--cert-file") {
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
