package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func TestAKeyPairIsReadAsEditorsLeaveIt(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	pair := server.TLS.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, mark := range map[string]string{"plain": "", "with a byte order mark": "\ufeff"} {
		dir := t.TempDir()
		cert, key := filepath.Join(dir, "me.pem"), filepath.Join(dir, "me.key")
		err := errors.Join(
			os.WriteFile(cert, append([]byte(mark), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})...), 0o600),
			os.WriteFile(key, append([]byte(mark), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...), 0o600),
		)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readKeyPair(cert, key); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
