package integration

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

func sha256Hex[T string | []byte](data T) string {
	sum := sha256.Sum256([]byte(data))
	return hex.EncodeToString(sum[:])
}

// assertSameFiles fails unless the files have the same content in both directories.
func assertSameFiles(t testing.TB, want, got string, files ...string) {
	t.Helper()
	for _, f := range files {
		if !bytes.Equal(readFile(t, want, f), readFile(t, got, f)) {
			t.Errorf("%s differs between %s and %s", f, want, got)
		}
	}
}
