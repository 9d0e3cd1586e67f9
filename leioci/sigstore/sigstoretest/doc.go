// Package sigstoretest has an instance of Sigstore in memory, for testing code that uses
// leioci/sigstore. It signs as "cosign sign" does without a key, and attaches what it has signed to
// an artifact in a registry, such as that of leiocitest.
//
//	instance, err := sigstoretest.New()
//	// ... push a snapshot, whose digest is digest ...
//	bundle, err := instance.Sign("me@example.org", "https://issuer.example.org", digest)
//	err = sigstoretest.Attach(ctx, http.DefaultTransport, repo, digest, bundle)
//	// ... pull it with a verifier that has instance.Root() ...
//
// It uses sigstore-go's VirtualSigstore. An instance is valid for a few minutes after it is made.
package sigstoretest
