package leioci_test

import (
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/testenv"
)

func TestMain(m *testing.M) {
	actAsChild() // does not return in a child process
	testenv.Main(m)
}
