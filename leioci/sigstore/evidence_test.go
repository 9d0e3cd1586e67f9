package sigstore

import (
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/sigstore/sigstoretest"
)

func TestAParserThatPanicsIsARefusal(t *testing.T) {
	instance, err := sigstoretest.New()
	if err != nil {
		t.Fatal(err)
	}
	v, err := New(instance.Root(), []Identity{{Issuer: "i", Subject: "s"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.judge(candidate{"sigstore bundle", func() (*evidence, error) { panic("no entry") }})
	if err == nil || !strings.Contains(err.Error(), "sigstore bundle cannot be read: no entry") {
		t.Errorf("got %v", err)
	}
}
