package main

import (
	"io"
	"net"
	"strings"
	"testing"
)

func TestTheReferenceToPullFromHasTheNameOfACertificate(t *testing.T) {
	at := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 5), Port: 5000}
	for listen, want := range map[string]string{
		"mirror.example:0": "mirror.example:5000/lei-cache",
		"10.0.0.5:0":       "10.0.0.5:5000/lei-cache",
		":0":               "10.0.0.5:5000/lei-cache",
	} {
		s := newServed("lei", serveFlags{listen: listen, certFile: "cert.pem"}, at)
		if s.Reference != want || s.URL != "https://"+s.Address || s.Address+"/lei-cache" != want {
			t.Errorf("%s: got %+v", listen, s)
		}
	}
	if s := newServed("lei", serveFlags{listen: "mirror.example:0"}, at); s.Reference != "10.0.0.5:5000/lei-cache" {
		t.Errorf("without a certificate: got %+v", s)
	}
}

func TestTheCommandToPullWithNamesPlainHTTPWhereItIsNeeded(t *testing.T) {
	for ip, want := range map[string]bool{
		"127.0.0.1": false, "::1": false, "0.0.0.0": false, "::": false, "127.0.1.1": true, "10.0.0.5": true, "fd00::5": true,
	} {
		for _, cert := range []string{"", "cert.pem"} {
			f := serveFlags{listen: ":0", certFile: cert, format: &format{&choice{name: "text"}}}
			var told strings.Builder
			s := newServed("lei", f, &net.TCPAddr{IP: net.ParseIP(ip), Port: 5000})
			if err := s.announce(environment{stdout: io.Discard, stderr: &told}, f); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(told.String(), "leioci pull --plain-http ") != (want && cert == "") {
				t.Errorf("%s: %s", ip, &told)
			}
		}
	}
}
