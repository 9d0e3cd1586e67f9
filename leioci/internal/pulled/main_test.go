package pulled_test

import (
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }
