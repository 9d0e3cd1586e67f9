package main

import (
	"net"
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
