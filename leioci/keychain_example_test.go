package leioci_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lowendinsight/lei-go/leioci"
)

// A service whose credentials are only in a mounted secret.
func ExampleDockerConfigKeychain() {
	dir, err := os.MkdirTemp("", "secret")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	secret := filepath.Join(dir, ".dockerconfigjson")
	if err := os.WriteFile(secret, []byte(`{"auths":{"ghcr.io/org":{"username":"bot","password":"..."}}}`), 0o600); err != nil {
		panic(err)
	}
	keychain := leioci.DockerConfigKeychain(secret)
	client, err := leioci.New(leioci.WithKeychain(keychain))
	if err != nil {
		panic(err)
	}
	_ = client // client.PullSnapshot(...)

	for _, s := range []string{"ghcr.io/org/lei-cache", "ghcr.io/other/lei-cache"} {
		repo, err := leioci.ParseRepository(s)
		if err != nil {
			panic(err)
		}
		auth, err := keychain.ResolveContext(context.Background(), repo)
		if err != nil {
			panic(err)
		}
		config, err := auth.Authorization()
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s: %q\n", repo, config.Username)
	}
	// Output:
	// ghcr.io/org/lei-cache: "bot"
	// ghcr.io/other/lei-cache: ""
}
