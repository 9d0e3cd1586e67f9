package leioci_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/lowendinsight/lei-go/leioci"
)

// One file says for all services and CI jobs who has to have signed what.
func ExampleReadPolicy() {
	tmp, err := os.MkdirTemp("", "leioci")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	key, err := os.ReadFile("testdata/signed/trusted.pub")
	if err != nil {
		log.Fatal(err)
	}
	file := filepath.Join(tmp, "policy.json")
	text := `{
		"format_version": 1,
		"repositories": {
			"ghcr.io/org": {"keys": ["cosign.pub"], "max_age": "2d"},
			"oci-layout:": {"keys": ["cosign.pub"]}
		}
	}`
	for name, content := range map[string]string{"policy.json": text, "cosign.pub": string(key)} {
		if err := os.WriteFile(filepath.Join(tmp, name), []byte(content), 0o600); err != nil {
			log.Fatal(err)
		}
	}

	policy, err := leioci.ReadPolicy(file)
	if err != nil {
		log.Fatal(err)
	}
	client, err := leioci.New(leioci.WithPolicy(policy))
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range []string{"oci-layout:testdata/signed/v2", "oci-layout:testdata/signed/att"} {
		src, err := leioci.ParseLocation(s)
		if err != nil {
			log.Fatal(err)
		}
		_, err = client.PullFrom(context.Background(), src, filepath.Join(tmp, filepath.Base(s)))
		fmt.Println(s, err == nil)
	}
	// Output:
	// oci-layout:testdata/signed/v2 true
	// oci-layout:testdata/signed/att false
}
