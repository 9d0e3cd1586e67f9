package credential_test

import (
	"os"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/testenv"
)

// TestMain runs the tests. If a keychain runs this program under the name of a credential helper,
// it acts as the helper.
func TestMain(m *testing.M) {
	if addr := os.Getenv("HELPER_ADDR"); addr != "" {
		beHelper(addr)
	}
	testenv.Main(m)
}
