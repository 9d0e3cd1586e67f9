package progress_test

import (
	"strconv"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/progress"
)

func TestNoMoreThanTenThousandBlobsAreRemembered(t *testing.T) {
	tracker := progress.NewListener(func(progress.State) {}).Begin()
	defer tracker.End()
	known := 0
	for i := range 20_000 {
		b := tracker.Blob(strconv.Itoa(i), v1.Hash{}, 1)
		b.Enter(progress.Fetching)
		b.Finish(progress.Done, v1.Hash{})
		if b != nil {
			known++
		}
	}
	if known != 10_000 || tracker.Blob("0", v1.Hash{}, 1) == nil {
		t.Errorf("%d are remembered", known)
	}
}
