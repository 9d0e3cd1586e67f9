// Package signature reads the signatures that cosign makes with a key, in both of its formats, and
// verifies them with the standard library alone. It reads bytes and fetches nothing.
//
// A signature is untrusted until a key verifies it, and so is all that comes with it, such as the
// name of the key that is said to have made it. What a signature signs is a digest: it says nothing
// about a repository, a tag or a time.
//
// sigstore-go and cosign are not used: the first brings 87 modules, the second more, and neither is
// needed to check a signature with a key that is known. Packages for DSSE alone would save some
// twenty lines of this one, and know nothing of simple signing.
package signature

import (
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// MaxBytes is the size that a signature's payload or bundle may have. Those that cosign makes with a
// key have less than 1 KB, one with a certificate and timestamps has about 10.
const MaxBytes = 256 << 10

// MaxSignatures is how many signatures one envelope may have.
const MaxSignatures = 16

// A Signature is a claim that somebody signed a digest. [Signature.By] says whether a key did.
type Signature struct {
	// Hint names the key that is said to have made it, as [Key.Hint] does. It may be empty, and it
	// may lie.
	Hint string

	message    []byte   // what is signed
	signatures [][]byte // over message; each is enough
}

// By reports whether a key made the signature.
func (s Signature) By(k Key) bool {
	for _, sig := range s.signatures {
		if k.verifies(s.message, sig) {
			return true
		}
	}
	return false
}

// errOther is the error of what signs something else.
var errOther = errors.New("it signs another digest")

// checkSubject refuses a digest that cannot be told from another, or that is not the one signed.
func checkSubject(signed string, subject v1.Hash) error {
	if subject.Algorithm != "sha256" {
		return fmt.Errorf("signatures are of sha256 digests, and this is %s", subject.Algorithm)
	}
	if signed != subject.String() {
		return errOther
	}
	return nil
}
