package credential_test

import (
	"os"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/testenv"
)

// TestMain runs the tests, or, where a keychain has run this program under the name of a credential helper, is one.
func TestMain(m *testing.M) {
	if addr := os.Getenv("HELPER_ADDR"); addr != "" {
		beHelper(addr)
	}
	testenv.Main(m)
}
