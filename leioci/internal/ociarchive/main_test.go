package ociarchive

import (
	"os"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/testenv"
)

func TestMain(m *testing.M) {
	if what := os.Getenv(childEnv); what != "" {
		os.Exit(child(what, os.Getenv(childTargetEnv)))
	}
	testenv.Main(m)
}
