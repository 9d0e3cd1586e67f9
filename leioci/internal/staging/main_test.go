package staging

import (
	"os"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/testenv"
)

func TestMain(m *testing.M) {
	if what := os.Getenv(holdEnv); what != "" {
		os.Exit(hold(what, os.Getenv(holdTargetEnv)))
	}
	testenv.Main(m)
}
